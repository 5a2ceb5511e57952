"""Records of files with quotes, and quotes that do not close in their record."""

from __future__ import annotations

import csv
import io
import random

import pytest

from contract.dialect import Dialect
from contract.failures import UserError
from processing.reading.lines import Scanned
from processing.reading.records import QuotedRecords

CSV = Dialect(",", '"', '"')


def scanned(content: bytes, *, rejects: bool = True, block: int = 7, dialect: Dialect = CSV) -> tuple[bytes, Scanned]:
    records = QuotedRecords(dialect, "a.csv", rejects, 2)
    parts = [content[start : start + block] for start in range(0, len(content), block)]
    return b"".join(records.blocks(parts)), records.scanned


@pytest.mark.parametrize("block", [1, 3, 1000])
def test_one_stray_quote_costs_one_line(block: int) -> None:
    good = b"".join(b"good %d,1\n" % number for number in range(1000))
    content, found = scanned(b"text,label\n" + good + b'"a stray quote,1\n' + good, block=block)
    assert content == b"text,label\n" + good + b"\n" + good
    assert (found.records, [stray.line for stray in found.strays]) == (2001, [1002])


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        (b'"a stray quote,1\ngood,2\nx,3\n', 2),
        (b'"a stray quote,1\ngood,2\n"x, y",3\n', 2),
        (b'good,1\n"He said "no"\nand left",1\n', 3),
        # For DuckDB the last quote opens a value, after another one that is broken.
        (b'"He said" hi, "x\n"good, old",3\n', 2),
        (b'""5r0,"x\nx,3\n', 2),
        # A quote far below closes it by chance, and lines between look like records.
        (b'q,1\nr,0\n"stray,1\ns,0\nt,1\nsaid "no",1\n', 4),
    ],
)
def test_a_stray_quote_is_named_by_its_line(broken: bytes, line: int) -> None:
    with pytest.raises(UserError, match=f"^input file a.csv has a quote in line {line} that does not close .*stray"):
        scanned(b"text,label\n" + broken, rejects=False)
    assert [stray.line for stray in scanned(b"text,label\n" + broken)[1].strays] == [line]


@pytest.mark.parametrize(
    "content",
    [
        b'text,label\n"two\nlines, and a ""quote""",1\n\n"x"",y\n\n\nz",0\n',
        b'text,label\n5" disk,1\nsaid "no",0\n "spaced, value" ,1\n',
        # Broken, but by itself: DuckDB rejects this line alone.
        b'text,label\n"q"uote,3\nx,1\n"a "b" c",1\n',
        b'text,label\nx,1\n1,"unclosed at the end',
    ],
)
def test_quotes_that_concern_their_own_record_are_left_alone(content: bytes) -> None:
    found, scan = scanned(content, rejects=False)
    assert (found, scan.strays) == (content, [])


def test_a_backslash_may_escape_a_quote() -> None:
    content = b'text,label\n"He said \\"no\\"\nand left\\\\",1\nx,0\n'
    assert scanned(content, rejects=False, dialect=Dialect(",", '"', "\\"))[1].records == 3
    with pytest.raises(UserError, match="a quote in line 2"):
        scanned(content, rejects=False)


def test_records_are_counted_as_the_csv_module_counts_them() -> None:
    pick = random.Random(3)
    for _ in range(200):
        # The csv module leaves a CR out of quotes where lines end with LF.
        end, characters = pick.choice([("\n", 'ab ,"\n'), ("\r\n", 'ab ,"\n\r')])
        rows = [["".join(pick.choices(characters, k=pick.randrange(6))), str(pick.randrange(9))] for _ in range(30)]
        text = io.StringIO()
        csv.writer(text, lineterminator=end).writerows([["text", "label"], *rows])
        assert scanned(text.getvalue().encode(), rejects=False, block=64)[1].records == 31


def test_lines_may_end_in_any_way_outside_quotes() -> None:
    content, found = scanned(b'text,label\r\n"a\r\nb\rc",1\nx,2\ry,3\r\n')
    assert content == b'text,label\n"a\r\nb\rc",1\nx,2\ny,3\n'
    assert (found.ends, found.records, found.is_uniform) == ({b"\n", b"\r", b"\r\n"}, 4, False)


def test_a_carriage_return_in_an_unquoted_value_rejects_its_line() -> None:
    content, found = scanned(b"text,label\nhalf a\rtext,1\nx,2\n")
    assert content == b"text,label\n\nx,2\n"
    assert [(stray.line, stray.reason) for stray in found.strays] == [(2, "carriage return within a value")]


def test_many_stray_quotes_take_no_recursion() -> None:
    content = b"text,label\n" + b'"stray,1\n' * 5000
    assert len(scanned(content, block=1000)[1].strays) == 4999


def test_numbers_are_those_of_the_first_lines() -> None:
    parts = QuotedRecords(CSV, "a.csv", True, 2).numbered([b'text,label\n"a\nb",1\n\n"stray,1\nx,2\n'])
    assert [record for part in parts for record in part] == [
        (1, b"text,label"),
        (2, b'"a\nb",1'),
        (4, b""),
        (5, b""),
        (6, b"x,2"),
    ]
