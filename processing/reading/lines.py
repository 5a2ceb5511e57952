"""Scans the lines of a text file: makes their ends LF, counts its records, and rejects lines that a CR would tear.

DuckDB reads a file with one kind of line end. The scan counts the records of each file apart from DuckDB, so that no
row is lost uncounted.
"""

from __future__ import annotations

import codecs
import io
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

# Longest line in bytes; a longer one is rejected. DuckDB's own default of 2 MB is less than some documents.
MAX_LINE_BYTES = 8 * 1024 * 1024
# Bytes of a line that are kept for rejects.jsonl.
KEPT_BYTES = 800
LF = ord("\n")
# Most records before the first row; each part of a file has one at least.
MOST_BEFORE = 2
# Reasons in rejects.jsonl.
STRAY_QUOTE, CARRIAGE_RETURN = "quotes do not match", "carriage return within a value"
TOO_LONG = f"line of more than {MAX_LINE_BYTES // 2**20} MiB"


@dataclass(frozen=True)
class Stray:
    """A line that would take other lines, be torn or lost: its number, its start, and the reason in rejects.jsonl."""

    line: int
    start: bytes
    reason: str


@dataclass
class Scanned:
    """What a scan found, complete at its end.

    Attributes:
        lines: number of physical lines.
        records: number of records that are not blank, with the header and without lines of stray quotes.
        blank: number of blank lines outside quotes.
        ends: the line ends of records.
        strays: rejected lines, which the scan replaced by blank lines.
        is_rewritten: whether escapes were replaced by doubled quotes.
    """

    lines: int = 0
    records: int = 0
    blank: int = 0
    ends: set[bytes] = field(default_factory=set)
    strays: list[Stray] = field(default_factory=list)
    is_rewritten: bool = False

    @property
    def is_uniform(self) -> bool:
        """Whether DuckDB reads the file as it is: all lines end with LF, or all with CRLF, and no quote is stray."""
        return not self.strays and not self.is_rewritten and (self.ends <= {b"\n"} or self.ends <= {b"\r\n"})

    def reject(self, line: bytes, reason: str) -> None:
        """List the next line as rejected; it is not counted yet."""
        self.strays.append(Stray(self.lines + 1, line[:KEPT_BYTES].strip(b"\r\n"), reason))


def whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """`blocks` cut at line ends of LF, so that each has whole lines.

    Of a line of more than twice MAX_LINE_BYTES, which is rejected, the rest is left out.

    Raises:
        MixedEndsError: such a line has CRs, which may end records.
    """
    pending: list[bytes] = []
    size, last = 0, b""
    for block in blocks:
        end = block.rfind(b"\n") + 1
        if size > 2 * MAX_LINE_BYTES:
            refuse_cr(last + block.partition(b"\n")[0])
        if end:
            yield b"".join([*pending, block[:end]])
            pending, size = [], 0
        if size <= 2 * MAX_LINE_BYTES and end < len(block):
            pending.append(block[end:])
            size += len(block) - end
            if size > 2 * MAX_LINE_BYTES:
                refuse_cr(b"".join(pending))
        last = block[-1:]
    if pending:
        yield b"".join(pending)


class MixedEndsError(Exception):
    """A line is too long to look for the records that CRs may end in it."""


def refuse_cr(part: bytes) -> None:
    """Raises MixedEndsError: `part` of a line has a CR; one at its end may be that of CRLF."""
    if b"\r" in part[:-1]:
        raise MixedEndsError


def without_mark(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """`blocks` of a file in UTF-8 without its byte order mark."""
    for number, block in enumerate(blocks):
        yield block.removeprefix(codecs.BOM_UTF8) if number == 0 else block


def with_lf(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """`blocks` with LF in place of CRLF and CR."""
    rest = b""
    for block in blocks:
        block = rest + block
        rest = b"\r" if block.endswith(b"\r") else b""
        yield block.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if rest:
        yield b"\n"


def has_lone_cr(block: bytes) -> bool:
    """Whether `block` has a CR that is not followed by LF."""
    return b"\r" in block and block.count(b"\r") > block.count(b"\r\n")


def is_too_long(line: bytes) -> bool:
    """Whether a line is longer than the longest; one with lone CRs is several. The database loses some of them."""
    return len(line) > MAX_LINE_BYTES and not has_lone_cr(line)


class PlainRecords:
    """The records of a file without quotes: its lines.

    A CR within a line ends a record if the parts before and after it have all values; else the line is rejected, since
    half of a text would be read with a label.

    Args:
        delimiter, columns: of a csv or tsv file; without columns a CR always ends a record.
    """

    def __init__(self, delimiter: bytes = b"", columns: int = 0) -> None:
        self.scanned = Scanned()
        self._delimiter, self._columns = delimiter, columns

    def parts(self, blocks: Iterable[bytes]) -> Iterator[list[bytes]]:
        """The content of `blocks` in parts: the first ones as records, as QuotedRecords.parts; others as they are.

        The records before the first row, `sep=;` and the header, are among those of the first ones.
        """
        parts = self.blocks(blocks)
        yield from map(lines_of, itertools.islice(parts, MOST_BEFORE))
        yield from ([part] for part in parts)

    def numbered(self, blocks: Iterable[bytes]) -> Iterator[Iterator[tuple[int, bytes]]]:
        """Of each part, number and bytes, without its end, of each line; blank lines too."""
        for block in self.blocks(blocks):
            lines = lines_of(block)
            first = self.scanned.lines - len(lines) + 1
            yield ((number, line.removesuffix(b"\n")) for number, line in enumerate(lines, first))

    def blocks(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The content with line ends of LF, and blank lines in place of rejected ones."""
        for block in whole_lines(blocks):
            rest = block
            # Only the first line can begin in an earlier block, and be that long.
            if len(block) > MAX_LINE_BYTES and is_too_long(line := block[: block.find(b"\n") + 1] or block):
                rest = block[len(line) :]
                yield self._counted(self._rejected(line, TOO_LONG), set())
            if rest:
                yield self._scanned(rest) if b"\r" in rest else self._counted(rest, {b"\n"})

    def _rejected(self, line: bytes, reason: str) -> bytes:
        """List a rejected line; returns a blank line in its place, or nothing where a blank line is a row."""
        self.scanned.reject(line, reason)
        if self._columns == 1:
            self.scanned.lines += 1
            return b""
        return b"\n"

    def _scanned(self, block: bytes) -> bytes:
        pairs = block.count(b"\r\n")
        ends = {b"\r\n"} if block.count(b"\n") == pairs else {b"\r\n", b"\n"}
        if not has_lone_cr(block):
            return self._counted(block.replace(b"\r\n", b"\n"), ends)
        return b"".join(
            self._counted(self._split(line), {b"\r"}) if has_lone_cr(line) else self._counted(with_lf_line(line), ends)
            for line in lines_of(block)
        )

    def _split(self, line: bytes) -> bytes:
        """A line with CR as lines, or a blank line if it is rejected."""
        parts = line.removesuffix(b"\n").removesuffix(b"\r").split(b"\r")
        if self._columns and any(part and part.count(self._delimiter) != self._columns - 1 for part in parts):
            return self._rejected(line, CARRIAGE_RETURN)
        return b"\n".join(parts) + b"\n"

    def _counted(self, block: bytes, ends: set[bytes]) -> bytes:
        """Count the lines of `block`, which are whole."""
        scanned = self.scanned
        # A fourth of the time that bytes.count and a search for two line ends take.
        places = np.flatnonzero(np.frombuffer(block, np.uint8) == LF)
        lines = len(places) + (not block.endswith(b"\n") and block != b"")
        blank = int((np.diff(places, prepend=-1) == 1).sum())
        scanned.ends |= ends
        scanned.lines += lines
        scanned.blank += blank
        scanned.records += lines - blank
        return block


def lines_of(block: bytes) -> list[bytes]:
    """The lines of `block` with their ends; only LF ends one."""
    return io.BytesIO(block).readlines()


def with_lf_line(line: bytes) -> bytes:
    """`line` with LF in place of CRLF at its end."""
    return line[:-2] + b"\n" if line.endswith(b"\r\n") else line
