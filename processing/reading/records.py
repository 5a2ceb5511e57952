"""Finds the records of a file with quotes, and the quotes that do not close in their record.

DuckDB reads a quote at the start of a value up to the next quote, over any number of lines, and counts all that it
passes as one rejected line. This scan finds such stray quotes before. Lines without quotes cost a search for one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from contract.dialect import Dialect, doubled
from contract.failures import UserError
from processing.reading.lines import (
    CARRIAGE_RETURN,
    MAX_LINE_BYTES,
    STRAY_QUOTE,
    TOO_LONG,
    Scanned,
    has_lone_cr,
    is_too_long,
    lines_of,
    whole_lines,
)
from processing.reading.quote_patterns import Patterns

# Different first and last values of records that are kept to recognize a record within a quoted value.
MOST_VALUES = 100
# Lines within one quoted value that look like records of their own, from which on its quote is a stray one.
LEAST_RECORDS = 2


class QuotedRecords:
    """The records of a file with quotes.

    Args:
        name: for errors.
        rejects_strays: whether a line with a stray quote is left out and listed, and the lines after it are read as
            records of their own; else it raises.
        columns: number of columns, by which a record within a quoted value is recognized.
        is_followed: whether the content of another file follows, into which no quote may reach.
    """

    def __init__(
        self, dialect: Dialect, name: str, rejects_strays: bool, columns: int, is_followed: bool = False
    ) -> None:
        self.scanned = Scanned()
        self._dialect, self._name, self._rejects = dialect, name, rejects_strays
        self._quote, self._delimiter = dialect.quote.encode(), dialect.delimiter.encode()
        self._escape = b"" if dialect.escape == dialect.quote else dialect.escape.encode()
        self._columns, self._is_followed = columns, is_followed
        self._patterns = Patterns.of(dialect)
        self._queue: deque[bytes] = deque()
        self._open: list[bytes] = []
        # A broken line, and blank ones after it.
        self._held: list[bytes] = []
        self._open_bytes = 0
        self._firsts, self._lasts = set[bytes](), set[bytes]()

    def blocks(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The content with line ends of LF, and blank lines in place of lines with stray quotes.

        Raises:
            UserError: a stray quote, unless they are rejected.
        """
        return map(b"".join, self.parts(blocks))

    def parts(self, blocks: Iterable[bytes]) -> Iterator[list[bytes]]:
        """The records that end in each of `blocks`, with LF as their ends; blank lines too, and in place of strays."""
        for block in whole_lines(blocks):
            yield list(self._records(block))
        yield list(self._rest())

    def numbered(self, blocks: Iterable[bytes]) -> Iterator[Iterator[tuple[int, bytes]]]:
        """Of each part, number of the first line, and bytes without line end, of each record; blank lines too."""
        for block in whole_lines(blocks):
            yield self._numbered(self._records(block))
        yield self._numbered(self._rest())

    def _numbered(self, records: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
        before = self.scanned.lines
        for record in records:
            if record:
                yield before + 1, record.removesuffix(b"\n")
            before = self.scanned.lines

    def _records(self, block: bytes) -> Iterator[bytes]:
        """The records that end in `block`."""
        quote, matches, queue = self._quote, self._patterns.complete.fullmatch, self._queue
        queue.extend(lines_of(block))
        has_cr = has_lone_cr(block)
        while queue:
            line = queue.popleft()
            if self._held:
                if not line.strip(b"\r\n"):
                    self._held.append(line)
                    continue
                yield from self._released()
            if self._open:
                yield from self._continued(line)
            elif is_too_long(line):
                yield self._rejected(line, TOO_LONG)
            elif has_cr and has_lone_cr(line) and not matches(line) and not self._patterns.opening.fullmatch(line):
                yield from self._torn(line)
            elif quote not in line or matches(line):
                yield self._ended(line, 1)
            elif self._is_confined(line):
                self._held = [line]
                if not self._is_followed:
                    yield from self._released()
            else:
                self._open, self._open_bytes = [line], len(line)
                if not self._patterns.opening.fullmatch(line):
                    yield self._stray()

    def _torn(self, line: bytes) -> Iterator[bytes]:
        """The records in a line with CR outside quotes, if each has all its values; else the line is rejected."""
        parts = line.removesuffix(b"\n").removesuffix(b"\r").split(b"\r")
        are_records = all(
            not part or (self._patterns.complete.fullmatch(part) and part.count(self._delimiter) == self._columns - 1)
            for part in parts
        )
        if are_records:
            for part in parts:
                yield self._ended(part + b"\r", 1)
        else:
            yield self._rejected(line, CARRIAGE_RETURN)

    def _rest(self) -> Iterator[bytes]:
        """The records at the end of the file, where a quote is open that none closes, or the last line is broken."""
        if self._held:
            # DuckDB may read its end, and the start of the next file, as part of it.
            yield self._rejected(self._held.pop(0), STRAY_QUOTE)
            yield from self._released()
        while self._open:
            if len(self._open) == 1:
                # It concerns its own line alone, which DuckDB rejects; not so where another file follows.
                line = self._open.pop()
                yield self._rejected(line, STRAY_QUOTE) if self._is_followed else self._ended(line, 1)
            else:
                yield self._stray()
                yield from self._records(b"")

    def _released(self) -> Iterator[bytes]:
        """The lines that were held, since they are not the last of the file."""
        held, self._held = self._held, []
        return (self._ended(line, 1) for line in held)

    def _continued(self, line: bytes) -> Iterator[bytes]:
        """Add `line` to the open record, and return that if it ends."""
        self._open.append(line)
        self._open_bytes += len(line)
        if self._quote not in line or self._patterns.staying.fullmatch(line):
            if self._open_bytes > MAX_LINE_BYTES:
                yield self._stray()
        elif self._patterns.closing.fullmatch(line) and not self._swallowed():
            lines, self._open = self._open, []
            yield self._ended(b"".join(lines), len(lines))
        else:
            yield self._stray()

    def _ended(self, record: bytes, lines: int) -> bytes:
        """Count a record of `lines` lines; returns it with LF as its end."""
        scanned = self.scanned
        body = record.removesuffix(b"\n").removesuffix(b"\r")
        if end := record[len(body) :]:
            scanned.ends.add(end)
        scanned.lines += lines
        if self._escape and self._escape in body:
            body = doubled(body, self._dialect)
            scanned.is_rewritten = True
        if body:
            scanned.records += 1
            if lines == 1:
                self._learn(body)
        else:
            scanned.blank += 1
        return body + b"\n" if end else body

    def _learn(self, body: bytes) -> None:
        """Remember the first and the last value of a record of one line."""
        for values, value in (
            (self._firsts, body.partition(self._delimiter)[0]),
            (self._lasts, body.rpartition(self._delimiter)[2]),
        ):
            if len(values) <= MOST_VALUES:
                values.add(value)

    def _swallowed(self) -> bool:
        """Whether lines within the open record look like records of their own."""
        return sum(map(self._looks_like_record, self._open[:-1])) >= LEAST_RECORDS

    def _looks_like_record(self, line: bytes) -> bool:
        """Whether `line` has as many values as there are columns, and a first or last one that other records have."""
        if self._columns < 2 or line.count(self._delimiter) != self._columns - 1:
            return False
        body = line.rstrip(b"\r\n")
        first, last = body.partition(self._delimiter)[0], body.rpartition(self._delimiter)[2]
        return any(
            len(values) <= MOST_VALUES and value in values and value
            for values, value in ((self._firsts, first), (self._lasts, last))
        )

    def _is_confined(self, line: bytes) -> bool:
        """Whether the quotes of a broken line concern it alone: they are even, or the line has all its values."""
        if self._patterns.reaching.fullmatch(line):
            return False
        has_all = line.count(self._delimiter) >= self._columns - 1
        return line.count(self._quote) % 2 == 0 or (has_all and self._quote not in line.rpartition(self._delimiter)[2])

    def _stray(self) -> bytes:
        """Reject the first line of the open record, and put the others back, as records of their own.

        Raises:
            UserError: unless stray quotes are rejected.
        """
        line, *others = self._open
        self._open, self._open_bytes = [], 0
        if not self._rejects:
            raise UserError(
                f"input file {self._name} has a quote in line {self.scanned.lines + 1} that does not close in its "
                "record, so that the next lines would be read as part of it; expected such quotes to be doubled, "
                "option --stray-quotes reject, which rejects that line alone, or --quote none where quotes are data"
            )
        self._queue.extendleft(reversed(others))
        return self._rejected(line, STRAY_QUOTE)

    def _rejected(self, line: bytes, reason: str) -> bytes:
        """List a rejected line; returns a blank line, which DuckDB skips unless there is one column, in place of it."""
        self.scanned.reject(line, reason)
        self.scanned.lines += 1
        return b"\n" if self._columns > 1 else b""
