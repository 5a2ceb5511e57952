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
from processing.reading.input_paths import Listed
from processing.reading.source import source_file

Write = Callable[[str, str | bytes], Path]


def content(path: Path, settings: TextSettings | None = None) -> Content:
    file = source_file(Listed(path.name, False, True), str(path.parent), settings)
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
    "header", ["sep=\t\ntext\tlabel\n", f"sep=\t\ntext\t{'x' * 70_000}\n", f"text\t{'x' * 200_000}\n"]
)
def test_the_header_of_a_file_in_a_group_becomes_blank_lines(written: Write, header: str) -> None:
    """Also where it begins in one block of the file and ends in another."""
    found = replace(content(written("a.tsv.gz", gzip.compress(f"{header}a\t1\n\nb\t2".encode()))), is_followed=True)
    assert b"".join(found.blocks()) == b"\n" * header.count("\n") + b"a\t1\n\nb\t2\n"
    assert found.expected_rows() == 2
