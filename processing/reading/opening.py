"""Opens an input file for DuckDB: itself, through a pipe that carries its content, or as a view that pyarrow reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import duckdb

from processing.reading import arrow_files
from processing.reading.content import Content
from processing.reading.database import pipe
from processing.reading.decompression import blocks, decompressed
from processing.reading.lines import Stray
from processing.reading.source import SourceFile
from processing.reading.stream import Stream

VIEW = "hf_rows"


@dataclass
class Source:
    """An opened file.

    Attributes:
        file: the file, with the place where DuckDB reads it.
        content: the content of a text file; None for one that states its types.
        stream: the pipe, if there is one.
    """

    file: SourceFile
    content: Content | None = None
    stream: Stream | None = None

    @property
    def error(self) -> Exception | None:
        """What ended the content of the pipe early."""
        return None if self.stream is None else self.stream.error

    def check(self) -> None:
        """Check, after DuckDB has read all, that it got all content; raises what ended it early."""
        if self.error is not None:
            raise self.error

    @property
    def expected_rows(self) -> int | None:
        """Number of records that the scan of the content counted; None without a scan."""
        return None if self.content is None else self.content.expected_rows()

    @property
    def strays(self) -> list[Stray]:
        """The lines that the scan rejected."""
        return [] if self.content is None else self.content.scanned.strays

    def bytes_read(self) -> Iterator[bytes]:
        """The bytes that DuckDB read, once more."""
        if self.content is None:
            return
        if self.stream is not None:
            yield from replace(self.content).blocks()
            return
        with decompressed(self.file) as stream:
            yield from blocks(stream)


@contextmanager
def opened(connection: duckdb.DuckDBPyConnection, file: SourceFile, rejects_strays: bool = False) -> Iterator[Source]:
    """Open `file` for one query of `connection`.

    Args:
        rejects_strays: whether lines with stray quotes are rejected.

    Raises:
        UserError: the file cannot be read, or has a stray quote that is not rejected.
    """
    if file.is_typed:
        if file.format != "arrow" and not arrow_files.has_long_rows(file):
            yield Source(file)
            return
        connection.register(VIEW, arrow_files.reader(file))
        try:
            yield Source(replace(file, view=VIEW))
        finally:
            connection.unregister(VIEW)
        return
    content = Content(file, rejects_strays)
    if content.may_be_direct and is_uniform(content):
        yield Source(file, content)
        return
    path = pipe(connection)
    with Stream(path, content.blocks()) as stream:
        yield Source(replace(file, pipe=path), content, stream)


def is_uniform(content: Content) -> bool:
    """Scan the whole `content`; returns whether DuckDB reads the file as it is."""
    for _ in content.blocks():
        pass
    return content.scanned.is_uniform
