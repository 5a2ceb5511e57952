from pathlib import Path

import pytest

from contract.dialect import TextSettings
from contract.failures import UserError
from training.data import json_rows

COLUMNS = ("text", "label")


def test_numbers_stay_as_they_are_written_and_the_first_of_equal_names_counts(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": "a", "label": 1e2}\n{"text": "b", "text": "c", "label": 1.50}\n')
    rows = json_rows.read(file, COLUMNS, TextSettings()).to_pydict()
    assert rows == {"text": ["a", "b"], "label": ["1e2", "1.50"]}


def test_another_encoding_is_read_as_configured(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    text = "\u00e9t\u00e9 \u00e0"
    file.write_bytes(f'{{"text": "{text}", "label": 1}}\n'.encode("latin-1"))
    assert json_rows.read(file, COLUMNS, TextSettings(encoding="latin-1"))["text"].to_pylist() == [text]
    with pytest.raises(UserError, match="bytes look like latin-1; expected UTF-8, or hyperparameter encoding latin-1"):
        json_rows.read(file, COLUMNS, TextSettings())


def test_arrays_of_labels_are_lists_and_never_some_values_alone(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": "a", "label": []}\n{"text": "b", "label": ["x", 1, true]}\n')
    assert json_rows.read(file, COLUMNS, TextSettings())["label"].to_pylist() == [[], ["x", "1", "true"]]
    file.write_text('{"text": "a", "label": ["x"]}\n{"text": "b", "label": "y"}\n')
    with pytest.raises(UserError, match="label is an array in 1 of 2 rows, expected arrays in all rows or in none"):
        json_rows.read(file, COLUMNS, TextSettings())
    file.write_text('{"text": "a", "label": [["x"]]}\n')
    with pytest.raises(UserError, match="label of row 1 is an array, expected text or a number"):
        json_rows.read(file, COLUMNS, TextSettings())
