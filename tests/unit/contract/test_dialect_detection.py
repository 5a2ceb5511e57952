"""Detected dialects of csv and tsv files, and options that set them."""

from __future__ import annotations

import csv
import io
from random import Random

import pytest

from contract.dialect import TextSettings
from contract.dialect_detection import SAMPLE_BYTES, SAMPLE_RECORDS, Sample, detect, separators

ROWS = [["text", "label"], ["I like it, really", "1"], ["no; not | at all", "0"], ["fine", "1"]]


def written(delimiter: str, quoting: int = csv.QUOTE_MINIMAL, rows: list[list[str]] = ROWS) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator="\n").writerows(rows)  # type: ignore[arg-type]
    return text.getvalue().encode()


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
@pytest.mark.parametrize("is_tsv", [False, True])
def test_the_delimiter_of_the_first_records_is_found(delimiter: str, is_tsv: bool) -> None:
    found = detect(written(delimiter), "a.csv", is_tsv, TextSettings())
    assert found.delimiter == delimiter
    assert bool(found.detected) == (delimiter != ("\t" if is_tsv else ","))


def test_a_line_for_excel_says_the_delimiter() -> None:
    found = detect(b"sep=;\r\ntext;label\r\n", "a.csv", False, TextSettings())
    assert (found.delimiter, found.skipped, found.detected) == (";", 1, ("delimiter semicolon",))


def test_a_file_of_one_column_keeps_the_usual_delimiter() -> None:
    assert detect(b"text\none; two\nthree\n", "a.csv", False, TextSettings()).delimiter == ","


def test_options_take_precedence() -> None:
    settings = TextSettings(delimiter="|", quote="'", escape="\\", encoding="latin-1", has_header=False)
    found = detect(b"a,b\n1,\xe9\n", "a.csv", False, settings)
    assert (found.delimiter, found.quote, found.escape, found.has_header) == ("|", "'", "\\", False)
    assert (found.encoding, found.detected) == ("iso8859-1", ())


RAW = [["id", "body"], ["1", '"Great" film'], ["2", 'a 5" disk'], ["3", '"He said ""no"""'], ["4", 'said "no"']]


@pytest.mark.parametrize(
    ("content", "quote"),
    [
        (written("\t", rows=[["id", "body"], ["1", 'He said "no"'], ["2", "two\nlines"], ["3", "plain"]]), '"'),
        (written("\t", rows=[["id", "body"], ["1", "two\nlines"], ["2", "plain"]]), '"'),
        (written("\t", csv.QUOTE_ALL), '"'),
        (b'"id"\t"body"\n1\tfine\n2\tbad\n', '"'),
        (written("\t", csv.QUOTE_NONNUMERIC, [["id", "body"], [1, "fine"], [2, "bad"]]), '"'),  # type: ignore[list-item]
        (b"id\tbody\n" + b'1\t"fine"\n' * 20, ""),
        (b'"id"\t"body"\n1\tfine\n2\tsaid "no"\n', ""),
        (b'id\t"body"\n1\tfine\n2\tbad\n', ""),
        (b'id\tbody\n1\t"fine"\n2\tbad\n3\tgood\n', ""),
        ("".join("\t".join(row) + "\n" for row in RAW).encode(), ""),
        (b'id\tbody\n1\t"opened and never closed\n2\tb\n', ""),
        (b"id\tbody\n1\tno quote\n", ""),
    ],
)
def test_quotes_of_a_tsv_file_are_data_unless_a_csv_writer_wrote_them(content: bytes, quote: str) -> None:
    found = detect(content, "a.tsv", True, TextSettings())
    assert (found.quote, found.escape) == (quote, quote)


def test_the_first_row_of_a_file_without_a_header_has_no_names() -> None:
    content = b'"good film"\t"5"\nplain\t1\n'
    assert detect(content, "a.tsv", True, TextSettings(has_header=False)).quote == ""
    assert detect(content, "a.tsv", True, TextSettings()).quote == '"'


def test_detection_is_linear_in_long_values() -> None:
    # A pattern that searches for a quote from each character would take minutes.
    sample = b"text\tlabel\n" + b"x" * SAMPLE_BYTES + b'"\t1\n'
    assert detect(sample, "a.tsv", True, TextSettings()).quote == ""


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("rows", [1, SAMPLE_RECORDS - 1, SAMPLE_RECORDS, SAMPLE_RECORDS + 50])
def test_values_of_the_first_records_are_counted(end: bytes, last: bool, rows: int) -> None:
    lines = [b"" if row % 7 == 6 else b"\t".join([b"a"] * (1 + row % 5)) for row in range(rows)]
    sample = Sample(end.join(lines) + end * last, "utf-8")
    expected = [line.count(b"\t") + 1 if line else 0 for line in lines]
    assert sample.values("\t") == expected[:SAMPLE_RECORDS]


def test_a_record_that_the_sample_cuts_is_not_counted() -> None:
    sample = Sample(b"a\tb\n" + b"x" * SAMPLE_BYTES, "utf-8")
    assert sample.values("\t") == [2]


def test_separators_are_all_line_feeds_tabs_and_opening_quotes() -> None:
    random = Random(5)
    for size in (*range(20), 1000):
        # With other control characters, which have codes below those of separators.
        text = bytes(random.choices(b'\n\t"a\0\x08\x0b\xc3', k=size))
        expected = [
            [place for place, code in enumerate(text) if code == 10],
            [place for place, code in enumerate(text) if code == 9],
            [place for place, code in enumerate(text) if code == 34 and text[:place][-1:] in (b"", b"\n", b"\t")],
        ]
        assert [places.tolist() for places in separators(text)] == expected
