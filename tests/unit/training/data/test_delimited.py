import logging
from pathlib import Path
from typing import Any

import pytest

from contract.dialect import TextSettings
from contract.failures import UserError
from training.data import delimited
from training.options import TrainingOptions

COLUMNS = ("text", "label")


def rows(folder: Path, content: str, name: str = "a.csv", encoding: str = "utf-8", **options: Any) -> dict[str, Any]:
    """The rows of a file with this content."""
    (folder / name).write_bytes(content.encode(encoding))
    return delimited.read(folder / name, COLUMNS, delimited.text_settings(TrainingOptions(**options))).to_pydict()


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ({}, TextSettings()),
        ({"delimiter": "semicolon", "quote": "none"}, TextSettings(delimiter=";", quote="")),
        ({"encoding": "Latin1", "no_header": True}, TextSettings(encoding="iso8859-1", has_header=False)),
        ({"column_names": ("text", "label")}, TextSettings(column_names=("text", "label"))),
    ],
)
def test_hyperparameters_are_settings(options: dict[str, Any], settings: TextSettings) -> None:
    assert delimited.text_settings(TrainingOptions(**options)) == settings


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimiter": "ab"}, "^hyperparameter delimiter is 'ab', expected one character"),
        ({"encoding": "latin-99"}, "^hyperparameter encoding is 'latin-99', expected an encoding such as"),
        ({"column_names": ("a", "A")}, "^hyperparameter column_names is 'a, A', expected different names"),
    ],
)
def test_a_setting_that_no_file_has_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        delimited.text_settings(TrainingOptions(**options))


def test_what_is_detected_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert rows(tmp_path, "text;label\na, b;1\nc;0\n") == {"text": ["a, b", "c"], "label": ["1", "0"]}
    assert "file a.csv: detected delimiter semicolon" in caplog.text


def test_names_may_be_given_with_and_without_a_header(tmp_path: Path) -> None:
    expected = {"text": ["a", "b"], "label": ["1", "0"]}
    assert rows(tmp_path, "x,y\na,1\nb,0\n", column_names=("text", "label")) == expected
    assert rows(tmp_path, "a,1\nb,0\n", column_names=("text", "label"), no_header=True) == expected
    with pytest.raises(UserError, match="column_names has 1 names, but the first line of file a.csv has 2 values"):
        rows(tmp_path, "a,1\n", column_names=("text",))
    with pytest.raises(UserError, match="none of its 2 columns is named text, label"):
        rows(tmp_path, "a,1\n", no_header=True)


def test_a_broken_row_is_counted_with_its_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rest = "c,0\n" * 20
    found = rows(tmp_path, f'sep=,\ntext,label\n"two\nlines",1\nbroken\n{rest}')
    assert found == {"text": ["two\nlines", *"c" * 20], "label": ["1", *"0" * 20]}
    assert "a.csv: 1 lines have another number of values than the header, the first is line 5" in caplog.text
    with pytest.raises(
        UserError, match=r"2 lines have .* is line 5; expected at most 5% of the rows: process it first"
    ):
        rows(tmp_path, f'sep=,\ntext,label\n"two\nlines",1\nbroken\n{rest}broken\n')
