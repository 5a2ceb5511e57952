"""What the quotes in a line begin and end."""

from __future__ import annotations

import pytest

from contract.dialect import Dialect
from processing.reading.quote_patterns import Patterns

CSV = Patterns.of(Dialect(",", '"', '"'))


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        (b'a,"b, ""c""" ,d\n', {"complete"}),
        (b'5" disk,1\r\n', {"complete"}),
        (b'a,"b\n', {"opening", "reaching"}),
        (b'5" disk, "b\n', {"opening", "reaching"}),
        (b'c","d",e\n', {"closing"}),
        (b'c","d\n', {"staying"}),
        (b'"He said" hi, "x,3\n', {"reaching"}),
        (b'"q"uote,3\n', set()),
    ],
)
def test_lines_are_told_apart(line: bytes, kinds: set[str]) -> None:
    of_record = {"complete", "opening", "reaching"}
    within = {"closing", "staying"}
    names = within if kinds & within else of_record
    assert {name for name in names if getattr(CSV, name).fullmatch(line)} == kinds


def test_an_escaped_quote_ends_no_value() -> None:
    patterns = Patterns.of(Dialect(",", '"', "\\"))
    line = b'"He said \\"no\\"",1\n'
    assert patterns.complete.fullmatch(line)
    assert not patterns.opening.fullmatch(line)
    assert not CSV.complete.fullmatch(line)
