"""Detects the dialect of a delimited text file from its first SAMPLE_BYTES.

It guesses the delimiter and, in a tsv file, whether values are quoted; encoding and quotes follow fixed rules
otherwise.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract import encodings
from contract.dialect import MOST_FIELD_BYTES, Dialect, TextSettings, reader

SAMPLE_BYTES, SAMPLE_RECORDS = 1024 * 1024, 100
DELIMITERS = (",", "\t", ";", "|")
WORDS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "pipe", " ": "space", "": "none"}
# Share of the first records with as many values as the first, from which on a delimiter is that of the file.
LEAST_SHARE = 0.8
SEPARATOR_LINE = re.compile(rb"(?:\xef\xbb\xbf)?\"?sep=(.)\"?\r?\n", re.IGNORECASE)
LF, TAB, QUOTE = ord("\n"), ord("\t"), ord('"')
# A value of a tsv file that is quoted as a whole.
QUOTED = re.compile(rb'"([^"]*+(?:""[^"]*+)*+)"(?=[\r\n\t]|\Z)')
VALUE_END = re.compile(rb"[\n\t]")


class Separators(NamedTuple):
    """Places of the characters in a text that separate lines and values.

    Attributes:
        line_feeds, tabs: the places, in ascending order.
        opening_quotes: quotes at the start of a line or after a tab; in texts most stand elsewhere.
    """

    line_feeds: NDArray[np.intp]
    tabs: NDArray[np.intp]
    opening_quotes: NDArray[np.intp]


def separators(text: bytes) -> Separators:
    """The separators of `text`."""
    # With a line feed before it, as before a value, and one behind it, so that something follows each other place.
    content = np.frombuffer(b"\n%b\n" % text, np.uint8)
    # Hardly any other characters have codes up to that of a line feed.
    places = (content <= LF).nonzero()[0]
    codes = content[places]
    before = places[:-1][codes[:-1] >= TAB]
    quotes = before[content[before + 1] == QUOTE] + 1
    return Separators(places[codes == LF][1:-1] - 1, places[codes == TAB] - 1, quotes - 1)


class Sample:
    """The start of a file, in UTF-8 without a byte order mark.

    Args:
        head: the first SAMPLE_BYTES of the file, or all of it.
        encoding: as Python names it.
        has_header: whether the first line has the names of the columns.

    Attributes:
        whole: all of it.
        text: `whole` after the line `sep=;`, if there is one.
        separator: the delimiter that this line says, or empty.
    """

    def __init__(self, head: bytes, encoding: str, has_header: bool = True) -> None:
        self.encoding, self.has_header = encoding, has_header
        self.whole = recoded(head, encoding)
        line = SEPARATOR_LINE.match(self.whole)
        self.separator = line[1].decode("latin-1") if line else ""
        self.text = self.whole[line.end() :] if line else self.whole

    @classmethod
    def of(cls, head: bytes, name: str, settings: TextSettings) -> Sample:
        """That of the file `name`, which begins with `head`; raises UserError as `detect`."""
        return cls(head, encodings.detect(head, name, settings.encoding), settings.has_header)

    @cached_property
    def separators(self) -> Separators:
        """Those of `text`."""
        return separators(self.text)

    def places(self, mark: int) -> NDArray[np.intp]:
        """Places in `text` of a delimiter by its code, up to 127."""
        return self.separators.tabs if mark == TAB else (np.frombuffer(self.text, np.uint8) == mark).nonzero()[0]

    def likely_quote(self, delimiter: str) -> str:
        """The quote of the file; where tabs separate values, quotes are data unless a csv writer made the file."""
        return '"' if delimiter != "\t" or self.is_quoted else ""

    @cached_property
    def is_quoted(self) -> bool:
        """Whether values of a tsv file are quoted as csv writers do it, rather than with quotes as part of the text.

        A csv writer quotes the values that need it: those with a quote, which it doubles, a delimiter or a newline; or
        all values; or the header too, as it does where it quotes all texts, and as Apache Arrow always does. In a file
        of raw text quotes also stand within values, or at their start without one at the end.
        """
        text = self.text
        matches = list(matches_at(QUOTED, text, self.separators.opening_quotes.tolist()))
        if not matches:
            return False
        needed = sum(any(mark in match[1] for mark in (b'""', b"\n", b"\t")) for match in matches)
        values = len(self.separators.tabs) + (len(self.separators.line_feeds) or 1)
        is_usual = len(matches) >= values * 0.9 or self._has_quoted_names(matches)
        if not needed and not is_usual:
            return False
        # Values with a quote, outside of those that are quoted as a whole; the sample may cut the last one.
        starts, ends = [match.start() for match in matches], [0, *(match.end() for match in matches)]
        outside = b"".join(text[end:start] for end, start in zip(ends, [*starts, len(text)], strict=True))
        odd = sum(b'"' in value for value in VALUE_END.split(outside))
        odd = max(odd - (len(text) >= SAMPLE_BYTES), 0)
        return needed > 10 * odd or (is_usual and not odd)

    def _has_quoted_names(self, matches: Sequence[re.Match[bytes]]) -> bool:
        """Whether all names in the header, two or more, are among `matches`, the quoted values."""
        first = len(self.text.partition(b"\n")[0])
        names = int(self.separators.tabs.searchsorted(first)) + 1
        return self.has_header and names == sum(match.start() < first for match in matches[:names]) >= 2

    def values(self, delimiter: str) -> list[int]:
        """Number of values of each of the first SAMPLE_RECORDS records, without one that the sample may cut."""
        quote, text = self.likely_quote(delimiter), self.text
        if quote and quote.encode() in text:
            return [len(record) for record in parsed(text, delimiter, quote)]
        # As the csv module splits it, but much faster.
        if b"\r" in text:
            lines = text.splitlines()
            if len(text) >= SAMPLE_BYTES or len(lines) > SAMPLE_RECORDS:
                lines = lines[: min(len(lines) - 1, SAMPLE_RECORDS)]
            return [line.count(delimiter.encode()) + 1 if line else 0 for line in lines]
        ends = self.separators.line_feeds[:SAMPLE_RECORDS]
        if len(ends) < SAMPLE_RECORDS and len(text) < SAMPLE_BYTES and not text.endswith(b"\n"):
            ends = np.append(ends, len(text))
        before = self.places(ord(delimiter)).searchsorted(ends)
        counts = before + 1
        counts[1:] -= before[:-1]
        counts[line_lengths(ends) == 0] = 0
        return list(counts.tolist())


def line_lengths(ends: NDArray[np.intp]) -> NDArray[np.intp]:
    """Lengths of the lines that end at `ends`, without their ends; half of the time of np.diff for a hundred."""
    lengths = ends.copy()
    lengths[1:] -= ends[:-1] + 1
    return lengths


def recoded(head: bytes, encoding: str) -> bytes:
    """`head` in UTF-8, without a byte order mark."""
    if encoding == encodings.UTF8:
        return head.removeprefix(b"\xef\xbb\xbf")
    return head.decode(encoding, errors="ignore").encode(errors="ignore")


def detect(head: bytes, name: str, is_tsv: bool, settings: TextSettings) -> Dialect:
    """The dialect of the file `name`, which begins with `head`.

    Args:
        is_tsv: as of `dialect_of`.

    Raises:
        UserError: the file is not UTF-8 and nothing says what it is.
    """
    return dialect_of(Sample.of(head, name, settings), is_tsv, settings)


def dialect_of(sample: Sample, is_tsv: bool, settings: TextSettings) -> Dialect:
    """The dialect of the file that begins with `sample`.

    Args:
        is_tsv: whether its name says that tabs separate its values, and quotes are data.
    """
    usual = Dialect("\t", "", "") if is_tsv else Dialect(",", '"', '"')
    delimiter = settings.delimiter or sample.separator or best_delimiter(sample, usual.delimiter)
    quote = sample.likely_quote(delimiter) if settings.quote is None else settings.quote
    escape = (settings.escape or quote) if quote else ""
    found = Dialect(delimiter, quote, escape, sample.encoding, settings.has_header, 1 if sample.separator else 0)
    detected = tuple(differences(found, usual, settings))
    return replace(found, detected=detected) if detected else found


def differences(found: Dialect, usual: Dialect, settings: TextSettings) -> Iterator[str]:
    """What was detected, and is not as usual, in words for the log."""
    if settings.delimiter is None and found.delimiter != usual.delimiter:
        yield f"delimiter {WORDS.get(found.delimiter, found.delimiter)}"
    if settings.quote is None and found.quote != usual.quote:
        yield f"values in quotes {found.quote}" if found.quote else "quotes as data"
    if settings.encoding is None and found.encoding != usual.encoding:
        yield f"encoding {found.encoding}"


def best_delimiter(sample: Sample, usual: str) -> str:
    """The delimiter of a file: `usual`, unless the first records have another one more consistently."""
    shares = {usual: share(sample.values(usual), sample.has_header)}
    if shares[usual] >= LEAST_SHARE:
        return usual
    shares |= {mark: share(sample.values(mark), sample.has_header) for mark in DELIMITERS if mark not in shares}
    best = max(DELIMITERS, key=lambda delimiter: (shares[delimiter], delimiter == usual))
    return usual if shares[best] < LEAST_SHARE else best


def share(counts: Sequence[int], has_header: bool) -> float:
    """Share of records with the same number of values, two or more: that of the header, if there is one.

    Args:
        counts: number of values of each of the first records; 0 for blank lines, which do not count.
    """
    counts = [count for count in counts if count]
    usual = counts[0] if counts and has_header else max(Counter(counts), key=counts.count, default=0)
    return counts.count(usual) / len(counts) if usual > 1 else 0.0


def parsed(sample: bytes, delimiter: str, quote: str) -> Iterator[list[str]]:
    """The first SAMPLE_RECORDS records of `sample`, without the last one, which it may cut."""
    text = io.StringIO(sample.decode(encodings.UTF8, errors="replace"), newline="")
    csv.field_size_limit(MOST_FIELD_BYTES)
    records = reader(text, delimiter, quote, quote)
    last: list[str] | None = None
    for _ in range(SAMPLE_RECORDS + 1):
        try:
            record = next(records)
        except (StopIteration, csv.Error):
            break
        if last is not None:
            yield last
        last = record
    if last is not None and len(sample) < SAMPLE_BYTES:
        yield last


def matches_at(pattern: re.Pattern[bytes], text: bytes, places: Iterable[int]) -> Iterator[re.Match[bytes]]:
    """The matches of `pattern` that begin at one of the ascending `places`, without those that overlap an earlier one.

    A regular expression that looks for them itself takes twice the time.
    """
    end = 0
    for place in places:
        if place >= end and (match := pattern.match(text, place)):
            yield match
            end = match.end()
