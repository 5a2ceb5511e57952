"""Which files --input and --file-name name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.failures import UserError
from processing.reading.input_paths import listed

Write = Callable[[str, str | bytes], Path]
FILES = ("a.csv", "._a.csv", "_SUCCESS", ".ipynb_checkpoints/a.csv", "b/b.csv", "b/_temporary/c.csv")


@pytest.fixture
def folder(written: Write, tmp_path: Path) -> Path:
    for name in FILES:
        written(f"in[1]/{name}", "x")
    # The folder's name is a glob for this one.
    written("in1/other.csv", "x")
    return tmp_path / "in[1]"


def names(folder: Path, file_name: str | None = None) -> list[str]:
    root, files = listed(str(folder), file_name)
    assert all(file.is_file and not file.is_link for file in files)
    return sorted(os.path.relpath(root / file.name, folder) for file in files)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (None, ["a.csv", "b/b.csv"]),
        ("*.csv", ["a.csv"]),
        ("*", ["a.csv", "b/b.csv"]),
        ("**/*.csv", ["a.csv", "b/b.csv"]),
        ("b", ["b/b.csv"]),
        ("._*.csv", ["._a.csv"]),
        ("_SUCCESS", ["_SUCCESS"]),
    ],
)
def test_hidden_files_are_left_out_unless_they_are_named(
    folder: Path, pattern: str | None, expected: list[str]
) -> None:
    assert names(folder, pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("a**.csv", r"in\[1\]/a\*\*\.csv is no glob: expected \*\* as the whole name of a folder$"),
        ("*.tsv", r"in\[1\]/\*\.tsv: no file matches$"),
        ("c.csv", r"in\[1\]/c\.csv: no such file or folder$"),
    ],
)
def test_what_names_no_file_is_refused(folder: Path, pattern: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        listed(str(folder), pattern)


def test_a_glob_in_the_input_itself_is_one(folder: Path) -> None:
    found, files = listed(str(folder.parent / "in*"))
    assert (found, len(files)) == (folder.parent, 3)
    # Of the folders whose names it is a pattern for.
    assert [file.name for file in listed(str(folder.parent / "in[1]" / "*.csv"))[1]] == ["other.csv"]


def test_a_name_that_is_not_utf8_is_refused(folder: Path) -> None:
    (folder / os.fsdecode(b"c\xff.csv")).write_bytes(b"x")
    with pytest.raises(UserError, match="^input file c\ufffd.csv has a name that is not UTF-8; expected another name$"):
        listed(str(folder))
