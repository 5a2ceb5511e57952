"""Opens an input file for DuckDB: itself, through a pipe that carries its content, or as a view that pyarrow reads.

Text files of a group come through one pipe.
"""

from __future__ import annotations

import secrets
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import duckdb

from processing.reading import arrow_files
from processing.reading.content import Content
from processing.reading.database import pipe
from processing.reading.decompression import blocks, decompressed
from processing.reading.layout import Layout
from processing.reading.line_numbers import lines_at
from processing.reading.lines import Stray
from processing.reading.rejects import BrokenLine
from processing.reading.source import SourceFile
from processing.reading.stream import FilePart, Stream

VIEW = "hf_rows"
# What the mark at the end of a file begins with; random digits follow, which no file has.
MARK = "hf_end_"


@dataclass
class Source:
    """An opened file, or group of files.

    Attributes:
        file: the file, with the place where DuckDB reads it.
        contents: the contents of text files; none for files that state their types.
        stream: the pipe, if there is one.
        starts: byte of the pipe's content at which that of each file starts.
    """

    file: SourceFile
    contents: tuple[Content, ...] = ()
    stream: Stream | None = None
    starts: list[int] = field(default_factory=lambda: [0])

    @property
    def error(self) -> Exception | None:
        """What ended the content of the pipe early."""
        return None if self.stream is None else self.stream.error

    def check(self) -> None:
        """Check, after DuckDB has read all, that it got all content; raises what ended it early."""
        if self.error is not None:
            raise self.error

    def expected_rows(self) -> list[int]:
        """Number of records that the scan of the content counted, of each file; none without a scan."""
        return [content.expected_rows() for content in self.contents]

    def strays(self, number: int) -> list[Stray]:
        """The lines of file `number` that the scan rejected."""
        return self.contents[number].scanned.strays

    def located(self, line: BrokenLine) -> tuple[int, BrokenLine]:
        """The number of the file of a line that DuckDB could not parse, and the line as it is in that file."""
        if not self.file.others:
            return 0, line
        number = max(bisect_right(self.starts, line.byte) - 1, 0)
        return number, replace(line, byte=line.byte - self.starts[number])

    def lines_at(self, number: int, positions: Sequence[int]) -> list[int]:
        """Line numbers, in file `number`, of sorted byte `positions` in the content that DuckDB read of it."""
        return [self.contents[number].line(line) for line in lines_at(self.bytes_read(number), positions)]

    def bytes_read(self, number: int) -> Iterator[bytes]:
        """The bytes of file `number` that DuckDB read, once more."""
        content = self.contents[number]
        if self.stream is not None:
            yield from replace(content).blocks()
            return
        with decompressed(content.file) as stream:
            yield from blocks(stream)

    def streamed(self) -> Iterator[bytes | FilePart]:
        """The content of all files; fills `starts`."""
        if not self.file.others:
            yield from self.contents[0].passed()
            return
        size = 0
        mark = end_of_file(self.file, self.contents[0].layout)
        self.starts.clear()
        for content in self.contents:
            self.starts.append(size)
            for block in content.passed():
                size += len(block)
                yield block
            size += len(mark)
            yield mark


@contextmanager
def opened(connection: duckdb.DuckDBPyConnection, file: SourceFile, rejects_strays: bool = False) -> Iterator[Source]:
    """Open `file`, with the others of its group, for one query of `connection`.

    Args:
        rejects_strays: whether lines with stray quotes are rejected.

    Raises:
        UserError: the file cannot be read, or has a stray quote that is not rejected.
    """
    if file.is_typed:
        if file.others or (file.format != "arrow" and not arrow_files.needs_pyarrow(file)):
            yield Source(file)
            return
        connection.register(VIEW, arrow_files.readable(arrow_files.reader(file), connection, file))
        try:
            yield Source(replace(file, view=VIEW))
        finally:
            connection.unregister(VIEW)
        return
    contents = contents_of(file, rejects_strays)
    if not file.others and contents[0].may_be_direct and is_uniform(contents[0]):
        yield Source(file, contents)
        return
    path = pipe(connection)
    mark = MARK + secrets.token_hex(16) if file.others else None
    source = Source(replace(file, pipe=path, mark=mark), contents)
    with Stream(path, source.streamed()) as stream:
        source.stream = stream
        yield source


def contents_of(file: SourceFile, rejects_strays: bool) -> tuple[Content, ...]:
    """The contents of a text file and of the others in its group."""
    return tuple(Content(member, rejects_strays, bool(file.others)) for member in file.members)


def end_of_file(file: SourceFile, found: Layout) -> bytes:
    """A record whose first value is the mark that ends each file of a group."""
    empty = found.dialect.delimiter * max(len(found.names) - 1, 0)
    return f"{file.mark}{empty}\n".encode()


def is_uniform(content: Content) -> bool:
    """Scan the whole `content`; returns whether DuckDB reads the file as it is."""
    if content.count_lines():
        return True
    for _ in content.blocks():
        pass
    return content.scanned.is_uniform
