"""Line numbers as an editor shows them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from processing.reading.line_numbers import lines_at, lines_of_rows
from processing.reading.source import SourceFile

Write = Callable[[str, str | bytes], Path]


def test_byte_positions_give_line_numbers_after_blank_lines() -> None:
    content = b"head\nrow\n\r\n\nx\ny\n"
    assert lines_at([content[:7], content[7:]], [0, 5, 9, content.index(b"y")]) == [1, 2, 5, 6]


def test_rows_of_a_csv_may_span_lines(written: Write) -> None:
    path = written("a.csv", 'text,label\n"a\nb",1\n\nbroken\n"c\n\nd",2\ne,3\n')
    file = SourceFile(path, "a.csv", "csv")
    assert lines_of_rows(file, [0, 1, 2], broken=[5]) == {0: 2, 1: 6, 2: 9}


def test_rows_of_the_other_formats(written: Write) -> None:
    tsv = SourceFile(written("a.tsv", 'text\tlabel\n\n"a\t1\nb\t2\n'), "a.tsv", "tsv")
    assert lines_of_rows(tsv, [0, 1], broken=[]) == {0: 3, 1: 4}
    # DuckDB returns a blank line of a jsonl file as a row.
    jsonl = SourceFile(written("a.jsonl", "{}\n\n{}\n"), "a.jsonl", "jsonl")
    assert lines_of_rows(jsonl, [2], broken=[]) == {2: 3}
    assert lines_of_rows(SourceFile(Path("x"), "x", "parquet"), [4], broken=[]) == {4: 5}
