"""Opens the DuckDB connection, with a memory limit, threads, and access to the input files only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from processing.sql import literal

# Name of the pipe, in the folder for temporary files, through which files are read that DuckDB cannot read itself.
PIPE = "stream"


@contextmanager
def connected(files: Iterable[Path], spill: Path, memory: int, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB connection whose SQL can read only `files`: no other file, no network, no extension.

    Args:
        files: absolute paths.
        spill: folder for temporary files, if data does not fit into `memory`.
        memory: memory limit in bytes.
        threads: number of threads.
    """
    allowed = ", ".join(literal(str(path)) for path in (*files, spill / PIPE))
    with duckdb.connect() as connection:
        for setting in (
            f"memory_limit = '{memory}B'",
            f"threads = {threads}",
            # A progress bar writes carriage returns to the log.
            "enable_progress_bar = false",
            # By default memory is returned to the kernel after each task, although the next one needs it again.
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


def pipe(connection: duckdb.DuckDBPyConnection) -> Path:
    """The path of the pipe from which the SQL of `connection` can read."""
    [(folder,)] = connection.execute("SELECT current_setting('temp_directory')").fetchall()
    return Path(folder, PIPE)
