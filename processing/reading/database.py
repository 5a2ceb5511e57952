"""The DuckDB connection: memory limit, threads, and access to the input files only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from processing.sql import literal


@contextmanager
def connected(files: Iterable[Path], spill: Path, memory: int, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection whose SQL reads `files` only: no other file, no network, no extension.

    Args:
        files: absolute paths.
        spill: folder for what does not fit `memory`.
        memory: bytes that the database may use.
        threads: that it may use.
    """
    allowed = ", ".join(literal(str(path)) for path in files)
    with duckdb.connect() as connection:
        for setting in (
            f"memory_limit = '{memory}B'",
            f"threads = {threads}",
            # Its carriage returns have no place in a log.
            "enable_progress_bar = false",
            # By default each task gives back to the kernel what the next one needs again.
            f"allocator_flush_threshold = '{memory}B'",
            f"temp_directory = {literal(str(spill))}",
            "autoinstall_known_extensions = false",
            "autoload_known_extensions = false",
            "preserve_insertion_order = true",
            f"allowed_paths = [{allowed}]",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            connection.execute(f"SET {setting}")
        yield connection
