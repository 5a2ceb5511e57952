"""Computes line numbers in text files from the byte offsets and row numbers that DuckDB reports."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Collection, Iterator, Sequence
from typing import BinaryIO, TextIO

from processing.reading.schema import opened, opened_bytes
from processing.reading.source import SourceFile

BLOCK = 1024 * 1024


def lines_at(file: SourceFile, positions: Sequence[int]) -> list[int]:
    """Line numbers, from 1, of sorted byte `positions` in the uncompressed `file`.

    DuckDB reports the position of empty lines before a row as that of the row; the row's own line is returned.
    """
    lines: list[int] = []
    with opened_bytes(file) as data:
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
    """Line number of the first line of each row of `file`, without the header; for a parquet file the row number."""
    if file.format == "parquet":
        yield from itertools.count(1)
    with opened(file) as text:
        if file.format == "jsonl":
            yield from (number for number, _ in enumerate(text, 1))
        elif file.format == "tsv":
            yield from (number for number, line in enumerate(text, 1) if number > 1 and line.strip("\r\n"))
        else:
            yield from csv_first_lines(text)


def csv_first_lines(text: TextIO) -> Iterator[int]:
    """The same for a csv file, where a quoted value may contain newlines."""
    reader = csv.reader(text)
    next(reader, None)
    before = reader.line_num
    for record in reader:
        if record:
            yield before + 1
        before = reader.line_num
