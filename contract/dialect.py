"""Dialect of a delimited text file: encoding, delimiter, quote, escape and header, set by options or detected.

Detection looks at the first SAMPLE_BYTES of a file. It guesses the delimiter and, in a tsv file, whether values are
quoted; encoding and quotes follow fixed rules otherwise.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from contract import encodings
from contract.failures import UserError

SAMPLE_BYTES = 1024 * 1024
SAMPLE_RECORDS = 100
LF, QUOTE = ord("\n"), ord('"')
# The csv module's own limit is less than some texts.
MOST_FIELD_BYTES = 16 * 1024 * 1024
DELIMITERS = (",", "\t", ";", "|")
NAMES = {"comma": ",", "tab": "\t", "\\t": "\t", "semicolon": ";", "pipe": "|", "bar": "|", "space": " ", "none": ""}
WORDS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "pipe", " ": "space", "": "none"}
# Share of the first records with as many values as the first, from which on a delimiter is that of the file.
LEAST_SHARE = 0.8
SEPARATOR_LINE = re.compile(rb"(?:\xef\xbb\xbf)?\"?sep=(.)\"?\r?\n", re.IGNORECASE)


@dataclass(frozen=True)
class TextSettings:
    """What options say about text files; None means that it is detected.

    Attributes:
        delimiter: one character.
        quote: one character, or empty for files in which quotation marks are data.
        escape: character before a quote within a quoted value; None means that the quote is doubled.
        encoding: as Python names it.
        has_header: whether the first line has the names of the columns.
        column_names: names of the columns, instead of those of the header.
    """

    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    encoding: str | None = None
    has_header: bool = True
    column_names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Dialect:
    """How a delimited text file is read.

    Attributes:
        delimiter, quote, escape: one character each; quote and escape are empty where quotation marks are data.
        encoding: as Python names it.
        has_header: whether the first line, after the skipped ones, has the names of the columns.
        skipped: number of lines before it: 1 for `sep=;`, which Excel reads.
        detected: what was detected and differs from the default of the file's suffix, in words.
    """

    delimiter: str
    quote: str
    escape: str
    encoding: str = encodings.UTF8
    has_header: bool = True
    skipped: int = 0
    detected: tuple[str, ...] = ()


def character(option: str, text: str, empty: bool = False) -> str:
    """The character that an option sets, by itself or by name ("tab"); raises UserError if it is none."""
    found = NAMES.get(text.lower(), text)
    if (not found and not empty) or len(found) > 1 or found in ("\n", "\r", "\0") or ord(found or " ") > 127:
        kinds = "one character, or comma, tab, semicolon, pipe, space" + (" or none" if empty else "")
        raise UserError(f"option {option} is {text!r}, expected {kinds}")
    return found


def detect(sample: bytes, name: str, is_tsv: bool, settings: TextSettings) -> Dialect:
    """The dialect of the file `name`, which begins with `sample`.

    Args:
        is_tsv: whether its name says that tabs separate its values, and quotes are data.

    Raises:
        UserError: the file is not UTF-8 and nothing says what it is.
    """
    encoding = encodings.detect(sample, name, settings.encoding)
    text = recoded(sample, encoding)
    line = SEPARATOR_LINE.match(text)
    text = text[line.end() :] if line else text
    usual = Dialect("\t", "", "") if is_tsv else Dialect(",", '"', '"')
    delimiter = settings.delimiter or (line[1].decode("latin-1") if line else "")

    @cache
    def quote_of(delimiter: str) -> str:
        return likely_quote(text, delimiter)

    delimiter = delimiter or best_delimiter(text, usual.delimiter, settings.has_header, quote_of)
    quote = quote_of(delimiter) if settings.quote is None else settings.quote
    found = Dialect(delimiter, quote, (settings.escape or quote) if quote else "", encoding, settings.has_header)
    return replace(found, skipped=1 if line else 0, detected=tuple(differences(found, usual, settings)))


def differences(found: Dialect, usual: Dialect, settings: TextSettings) -> Iterator[str]:
    """What was detected, and is not as usual, in words for the log."""
    if settings.delimiter is None and found.delimiter != usual.delimiter:
        yield f"delimiter {WORDS.get(found.delimiter, found.delimiter)}"
    if settings.quote is None and found.quote != usual.quote:
        yield f"values in quotes {found.quote}"
    if settings.encoding is None and found.encoding != usual.encoding:
        yield f"encoding {found.encoding}"


def recoded(sample: bytes, encoding: str) -> bytes:
    """`sample` in UTF-8, without a byte order mark."""
    if encoding == encodings.UTF8:
        return sample.removeprefix(b"\xef\xbb\xbf")
    return sample.decode(encoding, errors="ignore").encode(errors="ignore")


def best_delimiter(sample: bytes, usual: str, has_header: bool, quote_of: Callable[[str], str]) -> str:
    """The delimiter of a file: `usual`, unless the first records have another one more consistently.

    Args:
        quote_of: the likely quote of the file with a delimiter.
    """

    @cache
    def share_of(delimiter: str) -> float:
        return share(values(sample, delimiter, quote_of(delimiter)), has_header)

    if share_of(usual) >= LEAST_SHARE:
        return usual
    best = max(DELIMITERS, key=lambda delimiter: (share_of(delimiter), delimiter == usual))
    return usual if share_of(best) < LEAST_SHARE else best


def share(counts: Sequence[int], has_header: bool) -> float:
    """Share of records with the same number of values, two or more: that of the header, if there is one.

    Args:
        counts: number of values of each of the first records; 0 for blank lines, which do not count.
    """
    counts = [count for count in counts if count]
    usual = counts[0] if counts and has_header else max(Counter(counts), key=counts.count, default=0)
    return counts.count(usual) / len(counts) if usual > 1 else 0.0


def likely_quote(sample: bytes, delimiter: str) -> str:
    """The quote of a file; where tabs separate values, quotation marks are data unless a csv writer made the file."""
    return '"' if delimiter != "\t" or is_quoted(sample, b"\t") else ""


def values(sample: bytes, delimiter: str, quote: str) -> list[int]:
    """Number of values of each of the first SAMPLE_RECORDS records of `sample`, without one that it may cut."""
    if quote and quote.encode() in sample:
        return [len(record) for record in parsed(sample, delimiter, quote)]
    # As the csv module splits it, but much faster.
    is_cut = len(sample) >= SAMPLE_BYTES
    if b"\r" in sample:
        sample = b"\n".join(sample.splitlines()) + (b"\n" if sample.endswith((b"\r", b"\n")) else b"")
    content = np.frombuffer(sample, np.uint8)
    ends = np.flatnonzero(content == LF)[:SAMPLE_RECORDS]
    if len(ends) < SAMPLE_RECORDS and not is_cut and not sample.endswith(b"\n"):
        ends = np.append(ends, len(sample))
    lengths = np.diff(ends, prepend=-1) - 1
    places = np.flatnonzero(content[: ends.max(initial=0)] == ord(delimiter))
    counts = np.diff(np.searchsorted(places, ends), prepend=0) + 1
    return np.where(lengths, counts, 0).tolist()


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


def reader(lines: io.StringIO | Sequence[str], delimiter: str, quote: str, escape: str) -> Iterator[list[str]]:
    """The csv module's reader for a dialect."""
    if not quote:
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    if escape in ("", quote):
        return csv.reader(lines, delimiter=delimiter, quotechar=quote)
    return csv.reader(lines, delimiter=delimiter, quotechar=quote, escapechar=escape, doublequote=False)


def doubled(record: bytes, dialect: Dialect) -> bytes:
    """A record with escapes, in and outside quotes, as one with doubled quotes; unchanged if it is broken."""
    csv.field_size_limit(MOST_FIELD_BYTES)
    try:
        # Latin-1 gives each byte back.
        lines = io.StringIO(record.decode("latin-1"), newline="")
        [values] = reader(lines, dialect.delimiter, dialect.quote, dialect.escape)
    except (csv.Error, ValueError):
        return record
    text = io.StringIO(newline="")
    writer = csv.writer(
        text, delimiter=dialect.delimiter, quotechar=dialect.quote, quoting=csv.QUOTE_ALL, lineterminator=""
    )
    writer.writerow(values)
    return text.getvalue().encode("latin-1")


def is_quoted(sample: bytes, delimiter: bytes) -> bool:
    """Whether values of a tsv file are quoted as csv writers do it, rather than with quotes as part of the text.

    A csv writer quotes the values that need it: those with a quote, which it doubles, a delimiter or a newline; or all
    values. In a file of raw text quotes also stand within values, or at their start without one at the end.
    """
    edge = re.escape(delimiter)
    whole = re.compile(rb'"([^"]*+(?:""[^"]*+)*+)"(?=[\r\n' + edge + rb"]|\Z)")
    matches = list(matches_at(whole, sample, opening_quotes(sample, delimiter)))
    if not matches:
        return False
    found = [match[1] for match in matches]
    needed = sum(any(mark in value for mark in (b'""', b"\n", delimiter)) for value in found)
    are_all = len(found) >= (sample.count(delimiter) + (sample.count(b"\n") or 1)) * 0.9
    if not needed and not are_all:
        return False
    # Values with a quote, outside of those that are quoted as a whole; the sample may cut the last one.
    ends = [0, *(match.end() for match in matches)]
    outside = b"".join(sample[end : match.start()] for end, match in zip(ends, matches, strict=False))
    others = re.split(rb"[\n" + edge + rb"]", outside + sample[ends[-1] :])
    odd = max(sum(b'"' in value for value in others) - (len(sample) >= SAMPLE_BYTES), 0)
    return needed > 10 * odd or (are_all and not odd)


def opening_quotes(sample: bytes, delimiter: bytes) -> list[int]:
    """Places of the quotes at the start of a value; in texts most stand elsewhere."""
    content = np.frombuffer(sample, np.uint8)
    quotes = np.flatnonzero(content == QUOTE)
    before = content[quotes - 1]
    opens = (before == LF) | (before == ord(delimiter))
    opens[:1] |= quotes[:1] == 0
    return quotes[opens].tolist()


def matches_at(pattern: re.Pattern[bytes], text: bytes, places: Iterable[int]) -> Iterator[re.Match[bytes]]:
    """The matches of `pattern` that begin at one of the ascending `places`, without those that overlap an earlier one.

    A regular expression that looks for them itself takes twice the time.
    """
    end = 0
    for place in places:
        if place >= end and (match := pattern.match(text, place)):
            yield match
            end = match.end()
