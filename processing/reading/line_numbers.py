"""Computes line numbers in text files from the byte offsets and row numbers that DuckDB reports."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import BinaryIO, cast

from processing.reading.content import Content
from processing.reading.scan import own_rows
from processing.reading.source import SourceFile

BLOCK = 1024 * 1024


class Blocks(io.RawIOBase):
    """A stream of the bytes of `blocks`."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks, self._rest = iter(blocks), memoryview(b"")

    def readable(self) -> bool:
        """True: the stream can be read."""
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        """Copy the next bytes to `target`; returns their number, 0 at the end."""
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = memoryview(block)
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def lines_at(blocks: Iterable[bytes], positions: Sequence[int]) -> list[int]:
    """Line numbers, from 1, of sorted byte `positions` in the content `blocks` as DuckDB read it.

    DuckDB reports the position of empty lines before a row as that of the row; the row's own line is returned.
    """
    lines: list[int] = []
    data = cast("BinaryIO", io.BufferedReader(Blocks(blocks), BLOCK))
    line = 1
    offset = 0
    for position in positions:
        line += newlines(data, position - offset)
        offset = position
        start = data.readline()
        while start and not start.strip(b"\r\n"):
            offset += len(start)
            line += 1
            start = data.readline()
        lines.append(line)
        offset += len(start)
        line += start.count(b"\n")
    return lines


def newlines(data: BinaryIO, size: int) -> int:
    """Number of newlines in the next `size` bytes of `data`."""
    count = 0
    while size > 0 and (block := data.read(min(size, BLOCK))):
        count += block.count(b"\n")
        size -= len(block)
    return count


def lines_of_rows(file: SourceFile, rows: Collection[int], broken: Collection[int]) -> dict[int, int]:
    """Line number of each of `rows`, which are indices, from 0, of the rows that DuckDB returned.

    Args:
        broken: line numbers of the lines that DuckDB could not parse, which have no index.
    """
    if file.is_typed:
        first = 0 if file.share.is_whole else own_rows(file)[0]
        return {row: first + row + 1 for row in rows}
    requested, skipped = set(rows), set(broken)
    lines: dict[int, int] = {}
    row = 0
    for line in first_lines(file):
        if len(lines) == len(requested):
            break
        if line in skipped:
            continue
        if row in requested:
            lines[row] = line
        row += 1
    return lines


def first_lines(file: SourceFile) -> Iterator[int]:
    """Line number of the first line of each row of a text file that DuckDB returns or rejects, without the header."""
    return Content(file, rejects_strays=True).first_lines()
