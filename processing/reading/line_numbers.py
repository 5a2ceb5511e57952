"""Line numbers of rows in text files, from the byte offsets and row numbers that DuckDB reports."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Collection, Iterator, Sequence
from typing import BinaryIO, TextIO

from processing.reading.schema import opened, opened_bytes
from processing.reading.source import SourceFile

BLOCK = 1024 * 1024


def lines_at(file: SourceFile, positions: Sequence[int]) -> list[int]:
    """Line numbers, from 1, of the ascending byte `positions` in the uncompressed `file`.

    DuckDB skips empty lines but starts a row where they start: the row's own line is told.
    """
    found: list[int] = []
    with opened_bytes(file) as data:
        line = 1
        here = 0
        for position in positions:
            line += newlines(data, position - here)
            here = position
            start = data.readline()
            while start and not start.strip(b"\r\n"):
                here += len(start)
                line += 1
                start = data.readline()
            found.append(line)
            here += len(start)
            line += start.count(b"\n")
    return found


def newlines(data: BinaryIO, size: int) -> int:
    """How many line ends the next `size` bytes hold."""
    count = 0
    while size > 0 and (block := data.read(min(size, BLOCK))):
        count += block.count(b"\n")
        size -= len(block)
    return count


def lines_of_rows(file: SourceFile, rows: Collection[int], broken: Collection[int]) -> dict[int, int]:
    """Line number of each of `rows`, which count what was read, from 0, in the file's order.

    Args:
        broken: numbers of the lines that were set aside, which `rows` do not count.
    """
    wanted, skipped = set(rows), set(broken)
    found: dict[int, int] = {}
    row = 0
    for line in first_lines(file):
        if len(found) == len(wanted):
            break
        if line in skipped:
            continue
        if row in wanted:
            found[row] = line
        row += 1
    return found


def first_lines(file: SourceFile) -> Iterator[int]:
    """Number of the first line of each row of `file`, after the header; of a parquet file, its row."""
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
    """The same for a csv file, where a quoted value may hold line ends."""
    reader = csv.reader(text)
    next(reader, None)
    before = reader.line_num
    for record in reader:
        if record:
            yield before + 1
        before = reader.line_num
