"""PlainFile: a small text file that is passed to the database as it is, what a scan of its lines would find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from contract import encodings
from contract.dialect import Dialect
from contract.dialect_detection import SAMPLE_BYTES, Sample, line_lengths
from processing.reading.lines import Scanned
from processing.reading.source import SourceFile
from processing.reading.stream import FilePart


@dataclass(frozen=True)
class PlainFile:
    """A file in UTF-8 without quoted values, compression or CR, which is read as it is.

    Attributes:
        start, end: the bytes of its rows, without the header.
        ends_line: whether its last line has a line end.
        lines, blank: number of all lines, and of blank ones.
    """

    start: int
    end: int
    ends_line: bool
    lines: int
    blank: int

    @property
    def scanned(self) -> Scanned:
        """What the scan of its lines finds."""
        return Scanned(self.lines, self.lines - self.blank, self.blank, {b"\n"})

    def passed(self, file: SourceFile, before: int) -> Iterator[bytes | FilePart]:
        """The content in a group of files: `before` blank lines, the rows, and a line end if the last has none."""
        yield b"\n" * before
        if self.start < self.end:
            yield FilePart(file.path, file.name, self.start, self.end)
            if not self.ends_line:
                yield b"\n"


def plain_file(file: SourceFile, sample: Sample, dialect: Dialect, lines_before: int) -> PlainFile | None:
    """What a scan of the lines of `file` finds if `sample` is all of it, and it is a plain file; else None.

    So a small file is read once in Python.
    """
    text = sample.text
    # Compressed, with a byte order mark, a line `sep=;` or in another encoding the text is not that of the file.
    is_own = len(text) == file.size < SAMPLE_BYTES and file.compression == "none" and sample.encoding == encodings.UTF8
    if not is_own or has_any(text, "\r" + dialect.quote + dialect.escape):
        return None
    ends = sample.separators.line_feeds
    start = int(ends[lines_before - 1]) + 1 if 0 < lines_before <= len(ends) else len(text) * (lines_before > 0)
    ends_line = text.endswith(b"\n")
    blank = int(np.count_nonzero(line_lengths(ends) == 0))
    return PlainFile(start, len(text), ends_line, len(ends) + (not ends_line), blank)


def has_any(text: bytes, marks: str) -> bool:
    """Whether `text` has one of the characters `marks`."""
    return any(mark.encode() in text for mark in marks)
