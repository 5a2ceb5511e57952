"""Several labels a row beside raw text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from contract.failures import UserError
from training.data.raw_labels import RawLabels

FOLDER = Path("train")


def encoded(names: tuple[str, ...] = (), settings: dict[str, Any] | None = None, **columns: Any) -> tuple[Any, Any]:
    values, feature = RawLabels(**settings or {}).encode(Dataset.from_dict(columns), names, FOLDER)
    return values.to_pylist(), feature.feature.names


@pytest.mark.parametrize(
    ("labels", "settings"),
    [(["b | a", "a", " ", "c"], {"delimiter": "|"}), ([["b", "a"], ["a"], [], ["c"]], {})],
)
def test_names_become_numbers_in_sorted_order(labels: list[Any], settings: dict[str, Any]) -> None:
    assert encoded(settings=settings, label=labels) == ([[1, 0], [0], [], [2]], ["a", "b", "c"])


def test_a_label_that_a_row_names_again_counts_once(caplog: pytest.LogCaptureFixture) -> None:
    assert encoded(label=[["b", "a", " b"], ["10"], ["a"]]) == ([[2, 1], [0], [1]], ["10", "a", "b"])
    assert encoded(settings={"delimiter": "|"}, label=["10|2|10", "2"]) == ([[1, 0], [0]], ["2", "10"])
    assert caplog.text.count("1 rows have a label several times: it counts once") == 2


def test_columns_of_0_and_1_are_one_label_each() -> None:
    found = encoded(settings={"columns": ("toxic", "threat")}, toxic=["1", "0", "1.0"], threat=[True, False, False])
    assert found == ([[0, 1], [], [0]], ["toxic", "threat"])


@pytest.mark.parametrize(
    ("settings", "columns", "message"),
    [
        (
            {},
            {"label": [["a"], ["d"], ["d", "e"]]},
            "other labels than the 2 of train in 2 of 3 rows, the first is row 2",
        ),
        ({}, {"label": [[], []]}, "column label is empty in each of 2 rows"),
        ({"delimiter": "|"}, {"label": ["", " "]}, "column label is empty in each of 2 rows"),
        ({}, {"label": [["a"], None]}, "1 of 2 rows have no label in column label"),
        ({}, {"label": [["a", None]]}, "arrays with missing values"),
        ({}, {"label": [[1.0, float("nan")]]}, "arrays with missing values"),
        ({}, {"label": [[["a"]]]}, "column label has arrays of list<"),
        ({}, {"label": [["a", " "]]}, "column label has arrays with empty labels, expected a name in each"),
        ({"columns": ("x", "y")}, {"x": ["1", "0"]}, "has no column y, which label_columns names"),
        ({"columns": ("x", "x")}, {"x": ["1", "0"]}, "label_columns is x, x, expected each column once"),
        ({"columns": ("x",)}, {"x": [[1], [0]]}, "column x holds arrays, expected 0 or 1 in each row"),
        ({"columns": ("x",)}, {"x": ["1", "2"]}, "column x is neither 0 nor 1 in 1 of 2 rows, the first is row 2"),
    ],
)
def test_what_is_no_label_is_refused(settings: dict[str, Any], columns: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        encoded(("a", "b"), settings, **columns)


@pytest.mark.parametrize("labels", [[[0, 1, 1], [0, 0, 0]], [["0.0", "1.0", "1.0"], ["0", "0", "0"]]])
def test_0_or_1_for_each_label_are_not_names(labels: list[Any]) -> None:
    assert encoded(label=labels) == ([[1, 2], []], ["0", "1", "2"])
    assert encoded(("a", "b", "c"), label=labels) == ([[1, 2], []], ["a", "b", "c"])
    with pytest.raises(UserError, match="row 1 has 3 values of 0 or 1, but there are 4 labels"):
        encoded(("0", "1", "2", "3"), label=labels)
    with pytest.raises(UserError, match="row 2 has 1 values of 0 or 1, but there are 3 labels"):
        encoded(label=[labels[1], labels[0][:1]])
