"""Small text files that are passed as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from processing.reading.content import Content
from processing.reading.input_paths import Listed
from processing.reading.source import source_file
from processing.reading.stream import FilePart

Write = Callable[[str, str | bytes], Path]


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
    file = source_file(Listed(name, False, True), str(path.parent))
    assert file is not None
    by_file = Content(file, rejects_strays=True, is_followed=True)
    by_records = replace(by_file)
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
