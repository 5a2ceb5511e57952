"""LineCounter: counts the lines of a text file without quotes, whose lines end with LF alone, without a copy."""

from __future__ import annotations

import codecs
import io
from typing import BinaryIO, cast

import numpy as np

from processing.reading.decompression import BLOCK_BYTES
from processing.reading.lines import LF, MAX_LINE_BYTES, Scanned


class LineCounter:
    """Counts lines as PlainRecords counts them, in a third of its time.

    Args:
        scanned: gets the counts.
        marks: characters that the file must not have, beside CR.

    Attributes:
        position: number of bytes so far.
        start: where the line starts that has not ended so far.
    """

    def __init__(self, scanned: Scanned, marks: str = "") -> None:
        self.scanned, self._marks = scanned, [mark.encode() for mark in ("\r", *marks)]
        self.position = self.start = 0

    def add(self, buffer: bytearray, size: int) -> bool:
        """Count the lines that end in the next `size` bytes, with which `buffer` begins.

        Returns:
            False, without counting them, if they have one of the marks, a byte order mark of the file, or a line that
            may be too long.
        """
        if any(buffer.find(mark, 0, size) >= 0 for mark in self._marks):
            return False
        if self.position == 0 and buffer.startswith(codecs.BOM_UTF8):
            return False
        ends = np.flatnonzero(np.frombuffer(buffer, np.uint8, size) == LF) + (self.position + 1)
        lengths = np.diff(ends, prepend=self.start)
        position, start = self.position + size, int(ends[-1]) if len(ends) else self.start
        if max(lengths.max(initial=0), position - start) > MAX_LINE_BYTES:
            return False
        self.position, self.start = position, start
        self._count(len(ends), int((lengths == 1).sum()))
        return True

    def finish(self) -> None:
        """Count the last line, if it has no end."""
        self._count(int(self.position > self.start), 0)

    def _count(self, lines: int, blank: int) -> None:
        scanned = self.scanned
        scanned.lines += lines
        scanned.blank += blank
        scanned.records += lines - blank
        scanned.ends |= {b"\n"} if lines else set()


def counted_lines(stream: BinaryIO, marks: str) -> Scanned | None:
    """The lines of a whole file, as LineCounter counts them; None if it does not."""
    counter, buffer = LineCounter(Scanned(), marks), bytearray(BLOCK_BYTES)
    while size := cast("io.BufferedIOBase", stream).readinto(buffer):
        if not counter.add(buffer, size):
            return None
    counter.finish()
    return counter.scanned
