"""Share: the part of a large file that one of several hosts reads, and which records or rows of the file that is.

The borders are those of records as the scan of a text file finds them (lines.py, records.py), which every host runs
over the whole file: a line end within quotes is none. Reading, hashing and tokenizing rows take far longer than that.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Generic, TypeVar

from processing.reading.decompression import BLOCK_BYTES, block_sizes
from processing.reading.line_counter import LineCounter
from processing.reading.lines import PlainRecords, Scanned, without_mark
from processing.reading.stream import FilePart

T = TypeVar("T")


@dataclass(frozen=True)
class Share:
    """Share number `host` of `hosts` equal ones; by default the whole file."""

    host: int = 0
    hosts: int = 1

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole file."""
        return self.hosts == 1

    @property
    def has_header(self) -> bool:
        """Whether the first lines of the file belong to it."""
        return self.host == 0

    def has(self, part: int) -> bool:
        """Whether part number `part` of a text file belongs to it: parts go to the hosts in turn."""
        return part % self.hosts == self.host

    def rows(self, total: int) -> tuple[int, int]:
        """The first row, and the one after the last, of a file of `total` rows."""
        return total * self.host // self.hosts, total * (self.host + 1) // self.hosts


@dataclass
class OwnParts(Generic[T]):
    """The parts of a text file, each of about a mebibyte of whole records, and which of them belong to `share`.

    Args:
        whole: counts of the scan that finds the records, which grow with every part.
        header: number of records before the first row, all of which are in part 0.

    Attributes:
        scanned: the counts of own parts alone.
        lines: of each own part, how many lines were before it in the own parts, and in the file.
    """

    share: Share
    whole: Scanned
    header: int
    scanned: Scanned = field(default_factory=Scanned)
    lines: list[tuple[int, int]] = field(default_factory=list)

    def marked(self, parts: Iterable[T]) -> Iterator[tuple[bool, T]]:
        """Each of `parts`, and whether it is an own one. A part that is an iterator is to be read before the next."""
        whole, iterator, number = self.whole, iter(parts), 0
        while True:
            before = self.counts(whole)
            try:
                part = next(iterator)
            except StopIteration:
                return
            is_own = self.share.has(number)
            yield is_own, part
            if is_own:
                self._add(before)
            number += whole.records >= self.header

    @staticmethod
    def counts(scanned: Scanned) -> tuple[int, int, int, int]:
        """Numbers of lines, records, blank lines and rejected lines so far."""
        return scanned.lines, scanned.records, scanned.blank, len(scanned.strays)

    def _add(self, before: tuple[int, int, int, int]) -> None:
        """Add what the scan has counted since `before`."""
        lines, records, blank, strays = before
        self.lines.append((self.scanned.lines, lines))
        self.scanned.lines += self.whole.lines - lines
        self.scanned.records += self.whole.records - records
        self.scanned.blank += self.whole.blank - blank
        self.scanned.strays += self.whole.strays[strays:]

    def line(self, own: int) -> int:
        """The number in the file of line number `own` of the own parts, both from 1."""
        place = bisect_right(self.lines, own - 1, key=lambda lines: lines[0]) - 1
        before, in_file = self.lines[max(place, 0)]
        return in_file + own - before


def plain_parts(path: Path, name: str, records: PlainRecords) -> Iterator[bytes | FilePart]:
    """The parts of a file as `records` finds them in its blocks: bytes of the file in place of copies, where they are
    the same, up to the first block that has CR or a line that is too long.

    Args:
        name: for errors.
    """
    counter, buffer = LineCounter(records.scanned), bytearray(BLOCK_BYTES)
    sizes = block_sizes()
    with path.open("rb") as file:
        for size in sizes:
            start, read = counter.start, file.readinto(memoryview(buffer)[:size])
            if not read:
                counter.finish()
                if start < counter.position:
                    yield FilePart(path, name, start, counter.position)
                return
            if not counter.add(buffer, read):
                break
            if start < counter.start:
                yield FilePart(path, name, start, counter.start)
        file.seek(counter.start)
        first = file.read(counter.position + read - counter.start)
        rest = chain([first], iter(lambda: file.read(next(sizes)), b""))
        yield from records.blocks(without_mark(rest) if counter.position == 0 else rest)
