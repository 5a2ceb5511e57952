"""The number of rows and their lines, apart from DuckDB."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from contract.dialect import TextSettings
from contract.failures import UserError
from processing.reading.content import Content
from processing.reading.source import source_file
from processing.reading.stream import FilePart

Write = Callable[[str, str | bytes], Path]


def content(path: Path, settings: TextSettings | None = None) -> Content:
    file = source_file(path, path.parent, settings)
    assert file is not None
    return Content(file, rejects_strays=True)


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("a.csv", 'text,label\n"a\nb",1\n\nc,2\n', [2, 5]),
        ("a.csv", 'sep=;\ntext;label\na;1\n"stray;1\nb;2\n', [3, 5]),
        ("a.csv", "text\na\n\nb\n", [2, 3, 4]),
        ("a.tsv", "text\tlabel\r\na\t1\r\n\r\nb\t2", [2, 4]),
        ("a.csv", "text,label\ra,1\rb,2\r", [2, 3]),
        ("a.jsonl", '{"text": 1}\n{"text": 2}\n', [1, 2]),
        ("a.json", '[{"text": 1},\n\n{"text": 2}]', [1, 2]),
    ],
)
def test_rows_are_counted_and_have_lines(written: Write, name: str, text: str, lines: list[int]) -> None:
    found = content(written(name, text))
    assert list(found.first_lines()) == lines
    for _ in found.blocks():
        pass
    assert found.expected_rows() == len(lines)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1"])
def test_content_is_utf8_without_a_mark(written: Write, encoding: str) -> None:
    text = "text,label\n" + "caf\u00e9,1\n" * 300_000
    settings = TextSettings(encoding="latin-1") if encoding == "latin-1" else None
    assert b"".join(content(written("a.csv", text.encode(encoding)), settings).blocks()) == text.encode()


def test_bytes_that_are_not_of_the_encoding_are_refused(written: Write) -> None:
    path = written("a.csv", "text,label\ncaf\u00e9,1\n".encode("utf-16")[:-1])
    with pytest.raises(UserError, match="^input file a.csv is not utf-16 after byte .*; expected another --encoding$"):
        list(content(path).blocks())


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_rows_that_end_with_cr_after_many_others_are_refused(written: Write, name: str) -> None:
    row = {"a.csv": "a,1", "a.tsv": "a\t1", "a.jsonl": '{"a": 1}'}[name]
    text = f"{row}\n{row}\n" + f"{row}\r" * (2**25 // len(row))
    with pytest.raises(UserError, match=rf"^input file {name} has CR as line ends in line 3, which is too long"):
        for _ in content(written(name, text.encode())).blocks():
            pass


@pytest.mark.parametrize(
    ("name", "text", "is_plain"),
    [
        ("a.tsv", "text\tlabel\na\t1\n\nb\t2\n", True),
        ("a.tsv", 'text\tlabel\na "b" c\t1\n\n\nb\t2', True),
        ("a.tsv", "text\tlabel", True),
        ("a.csv", "text,label\na,1\n\n", True),
        ("a.csv", 'text,label\n"a",1\n', False),
        ("a.csv", "text,label\r\na,1\r\n", False),
        ("a.csv", "sep=;\ntext;label\na;1\n", False),
        ("a.csv", "\ufefftext,label\na,1\n", False),
        ("a.tsv", f"sep=\t\ntext\t{'x' * 70_000}\na\t1\n\nb\t2\n", False),
        ("a.jsonl", '{"text": 1}\n\n{"text": 2}', True),
        ("a.json", '[{"text": 1}, {"text": 2}]', False),
        ("a.csv", "text,label\n" + "a,1\n" * 300_000, False),
    ],
)
def test_a_plain_file_of_a_group_is_passed_as_its_scan_passes_it(
    written: Write, name: str, text: str, is_plain: bool
) -> None:
    """By the bytes of the file and by its records: the same content, and the same counts."""
    path = written(name, text)
    by_file, by_records = (replace(content(path), is_followed=True) for _ in range(2))
    assert (by_file.layout.plain is not None) == is_plain
    parts = list(by_file.passed())
    assert any(isinstance(part, FilePart) for part in parts) == (is_plain and "\n" in text)
    passed = b"".join(
        path.read_bytes()[part.start : part.end] if isinstance(part, FilePart) else part for part in parts
    )
    # A header without a line end is a blank line.
    assert passed == (b"".join(by_records.blocks()) or b"\n")
    assert by_file.scanned == by_records.scanned
    assert passed.endswith(b"\n")


@pytest.mark.parametrize(
    "header", ["sep=\t\ntext\tlabel\n", f"sep=\t\ntext\t{'x' * 70_000}\n", f"text\t{'x' * 200_000}\n"]
)
def test_the_header_of_a_file_in_a_group_becomes_blank_lines(written: Write, header: str) -> None:
    """Also where it begins in one block of the file and ends in another."""
    found = replace(content(written("a.tsv.gz", gzip.compress(f"{header}a\t1\n\nb\t2".encode()))), is_followed=True)
    assert b"".join(found.blocks()) == b"\n" * header.count("\n") + b"a\t1\n\nb\t2\n"
    assert found.expected_rows() == 2
