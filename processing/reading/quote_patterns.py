"""Regular expressions that tell what the quotes in a physical line of a csv or tsv file begin and end."""

from __future__ import annotations

import re
from dataclasses import dataclass

from contract.dialect import Dialect


@dataclass(frozen=True)
class Patterns:
    """Regular expressions over the physical lines of a quoted file.

    Attributes:
        complete: a whole record in one line.
        opening: a line that ends within a quoted value that it opens.
        closing: a line that ends the record, and begins within a quoted value.
        staying: a line that begins and ends within quoted values.
        reaching: a line that ends within a quoted value for DuckDB, also after values with more behind their quotes.
    """

    complete: re.Pattern[bytes]
    opening: re.Pattern[bytes]
    closing: re.Pattern[bytes]
    staying: re.Pattern[bytes]
    reaching: re.Pattern[bytes]

    @classmethod
    def of(cls, dialect: Dialect) -> Patterns:
        """The patterns of a dialect; spaces around quotes do not count, as in DuckDB."""
        quote, edge = re.escape(dialect.quote.encode()), re.escape(dialect.delimiter.encode())
        escape = re.escape(dialect.escape.encode())
        inner = rb"[^%b]*+(?:%b%b[^%b]*+)*+" % ((quote,) * 4)
        if escape != quote:
            inner = rb"[^%b%b]*+(?:%b.[^%b%b]*+)*+" % (quote, escape, escape, quote, escape)
        value = rb"(?: *+%b%b%b *+|(?! *+%b)[^%b\r\n]*+)" % (quote, inner, quote, quote, edge)
        end = rb"(?:\r?\n|\r|\Z)"
        more = rb"(?:%b%b)*+" % (edge, value)
        opened = rb"(?:%b%b)*+ *+%b%b" % (value, edge, quote, inner)
        loose = rb"(?: *+%b%b%b|(?! *+%b))[^%b\r\n]*+" % (quote, inner, quote, quote, edge)
        patterns = (
            value + more + end,
            opened,
            inner + quote + rb" *+" + more + end,
            rb"%b(?:%b *+%b%b)?" % (inner, quote, edge, opened),
            rb"(?:%b%b)*+ *+%b%b" % (loose, edge, quote, inner),
        )
        return cls(*(re.compile(pattern, re.DOTALL) for pattern in patterns))
