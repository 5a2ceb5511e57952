"""Finds the layouts of many small text files: those with the header of the one before are looked at together in numpy.

For one small file Python and numpy need more time for their calls than for the content.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contract.dialect import TextSettings
from contract.dialect_detection import LEAST_SHARE, LF, QUOTE, QUOTED, SAMPLE_BYTES, SAMPLE_RECORDS, TAB
from contract.failures import UserError
from processing.reading.layout import TAR_MAGIC, TAR_PLACE, Layout, found_layout, keep, kept, start
from processing.reading.plain_file import PlainFile
from processing.reading.source import TEXTS, SourceFile

# Bytes of the files that are looked at together: they stay in the cache of a CPU core.
PIECE_BYTES = 512 * 1024
CR = ord("\r")
ALL_DETECTED = TextSettings()


def find_layouts(files: Iterable[SourceFile]) -> None:
    """Find and keep the layouts of small text files, in half of the time that `layout` takes for each.

    What is wrong with a file is said when its layout is asked for.
    """
    alike = AlikeFiles()
    for file in files:
        if file.compression == TEXTS or kept(file) is not None:
            continue
        with suppress(UserError, OSError):
            if may_be_alike(file):
                alike.add(file)
            else:
                found_layout(file, start(file))
    alike.find()


def may_be_alike(file: SourceFile) -> bool:
    """Whether `file` can be looked at with others: a small csv or tsv file about which the options say nothing."""
    is_delimited = file.compression == "none" and file.format in ("csv", "tsv")
    return is_delimited and 0 < file.size < SAMPLE_BYTES and file.settings == ALL_DETECTED


class AlikeFiles:
    """Files that have format and header of the one before: `add` each, then `find` the layouts of the last ones."""

    def __init__(self) -> None:
        self._files: list[SourceFile] = []
        # A line feed stands before, between and behind the files; `_ends` are the places of these.
        self._buffer = bytearray(PIECE_BYTES + SAMPLE_BYTES + 1)
        self._buffer[0] = LF
        self._ends = [0]
        self._content = np.frombuffer(self._buffer, np.uint8)
        self._is_mark = np.empty(len(self._buffer), np.bool_)
        # That of the first file, if the others may be like it.
        self._known: Layout | None = None
        self._format, self._header = "", b""

    def add(self, file: SourceFile) -> None:
        """Read `file`; finds the layouts of those before if it has another header, or if they are enough.

        Raises:
            UserError: as `layout`.
            OSError: the file cannot be read.
        """
        begin = self._ends[-1] + 1
        end = begin + file.size
        with file.path.open("rb", buffering=0) as stream:
            size = stream.readinto(memoryview(self._buffer)[begin:end])
        self._buffer[end] = LF
        if size != file.size:
            # It is shorter now, or the system returns less at a time.
            found_layout(file, start(file))
        elif self._known and file.format == self._format and self._buffer.startswith(self._header, begin, end):
            self._files.append(file)
            self._ends.append(end)
            if end >= PIECE_BYTES:
                self.find()
        else:
            head = bytes(self._buffer[begin:end])
            self.find()
            self._follow(file, found_layout(file, head), head)

    def _follow(self, file: SourceFile, found: Layout, head: bytes) -> None:
        """Compare the next files with `file`, which begins with `head`, if it is a plain one in the usual dialect."""
        self._format, self._header = file.format, head[: head.find(b"\n") + 1]
        is_usual = found.plain is not None and not found.dialect.detected and len(found.names) > 1
        self._known = found if is_usual and self._header else None

    def find(self) -> None:
        """Find and keep the layouts of the files so far."""
        known, files, ends = self._known, self._files, self._ends
        self._files, self._ends = [], [0]
        if known is None or not files:
            return
        plain_files = self._plain_files(known, np.array(ends))
        for file, (before, end), plain in zip(files, pairwise(ends), plain_files, strict=True):
            if plain is not None and not self._buffer.startswith(TAR_MAGIC, before + 1 + TAR_PLACE):
                # The same header means that it begins neither as a file of another kind nor with a byte order mark.
                keep(file, Layout(known.dialect, known.names, known.lines_before, plain=plain))
                continue
            with suppress(UserError):
                found_layout(file, bytes(self._buffer[before + 1 : end]))

    def _plain_files(self, known: Layout, ends: NDArray[np.intp]) -> Iterator[PlainFile | None]:
        """Of each file what `plain_file` finds, or None if it may have another layout than `known`."""
        content = self._content[: ends[-1] + 1]
        # Hardly any other characters have codes up to that of CR.
        marks = np.less_equal(content, CR, out=self._is_mark[: len(content)]).nonzero()[0]
        codes = content[marks]
        line_feeds = marks[codes == LF]
        # The first line of each file, and the one after the last, which is what follows its last line feed.
        bounds = line_feeds.searchsorted(ends)
        first, last = bounds[:-1], bounds[1:]
        delimiter = ord(known.dialect.delimiter)
        delimiters = marks[codes == TAB] if delimiter == TAB else (content == delimiter).nonzero()[0]
        counts = np.diff(delimiters.searchsorted(line_feeds)) + 1
        is_blank = np.diff(line_feeds) == 1
        blank, usual = sums(is_blank), sums(counts == len(known.names))
        # As `share` of the records whose values `Sample.values` counts.
        until = np.minimum(first + SAMPLE_RECORDS, last)
        is_other = usual[until] - usual[first] < LEAST_SHARE * (until - first - (blank[until] - blank[first]))
        is_other[ends[1:].searchsorted(marks[(codes == CR) | (codes == 0)])] = True
        is_other |= self._has_quotes(known, ends, marks[:-1][(codes[:-1] == LF) | (codes[:-1] == TAB)])
        if not is_utf8(self._buffer, 0, len(content)):
            is_other |= [not is_utf8(self._buffer, *bounds) for bounds in pairwise(ends.tolist())]
        line_ends, blank_lines = (last - first - 1).tolist(), (blank[last - 1] - blank[first]).tolist()
        for other, (before, end), *lines in zip(
            is_other.tolist(), pairwise(ends.tolist()), line_ends, blank_lines, strict=True
        ):
            yield None if other else self._plain_file(before + 1, end, *lines)

    def _plain_file(self, begin: int, end: int, line_ends: int, blank: int) -> PlainFile:
        """The plain file at `begin` to `end`."""
        ends_line = self._buffer[end - 1] == LF
        return PlainFile(len(self._header), end - begin, ends_line, line_ends + (not ends_line), blank)

    def _has_quotes(self, known: Layout, ends: NDArray[np.intp], separators: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether each file has quotes, or values in them if `known` says that quotes are data.

        Args:
            separators: places of tabs and line feeds.
        """
        quote = known.dialect.quote.encode()
        if quote:
            return np.array([self._buffer.find(quote, *bounds) >= 0 for bounds in pairwise(ends.tolist())])
        found = np.zeros(len(ends) - 1, np.bool_)
        places = separators[self._content[separators + 1] == QUOTE] + 1
        for number, place in zip(ends[1:].searchsorted(places).tolist(), places.tolist(), strict=True):
            found[number] |= QUOTED.match(self._buffer, place, int(ends[number + 1])) is not None
        return found


def is_utf8(content: bytearray, start: int, end: int) -> bool:
    """Whether `start` to `end` of `content` are valid UTF-8."""
    offsets = pa.py_buffer(np.array([start, end], np.int32).tobytes())
    text = pa.StringArray.from_buffers(1, offsets, pa.py_buffer(content))
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def sums(flags: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Number of `flags` that are set before each index, and of all."""
    total = np.zeros(len(flags) + 1, np.intp)
    flags.cumsum(out=total[1:])
    return total
