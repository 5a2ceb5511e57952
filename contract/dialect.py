"""Dialect of a delimited text file: encoding, delimiter, quote, escape and header; how such a file is parsed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from contract import encodings
from contract.failures import UserError

# The csv module's own limit is less than some texts.
MOST_FIELD_BYTES = 16 * 1024 * 1024
NAMES = {"comma": ",", "tab": "\t", "\\t": "\t", "semicolon": ";", "pipe": "|", "bar": "|", "space": " ", "none": ""}


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
