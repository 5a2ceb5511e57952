"""Labels beside raw text: which problem type they are of, classes and numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from contract.failures import UserError
from training.data.raw_labels import RawLabels

FOLDER = Path("train")


def encoded(labels: list[Any], names: tuple[str, ...] = (), **settings: Any) -> tuple[Any, Any]:
    values, feature = RawLabels(**settings).encode(Dataset.from_dict({"label": labels}), names, FOLDER)
    return values.to_pylist(), feature


@pytest.mark.parametrize(
    ("labels", "settings", "expected"),
    [
        (["1", "2", "10"], {}, SINGLE_LABEL),
        (["1.0", "2.0"], {}, SINGLE_LABEL),
        (["bad", "good"], {}, SINGLE_LABEL),
        (["0.5", " 2 "], {}, REGRESSION),
        ([str(i / 400) for i in range(400)], {}, REGRESSION),
        (["a|b", "a"], {"delimiter": "|"}, MULTI_LABEL),
        ([["a"], ["a", "b"]], {}, MULTI_LABEL),
        (["0.5", "2"], {"problem_type": SINGLE_LABEL}, SINGLE_LABEL),
    ],
)
def test_the_values_tell_the_problem_type(labels: list[Any], settings: dict[str, Any], expected: str) -> None:
    stored = Dataset.from_dict({"label": labels}).data.column("label")
    assert RawLabels(**settings).kind_of(stored, "label", FOLDER) == expected


def test_labels_that_are_no_class_names_need_a_problem_type() -> None:
    labels = [f"0,{number}" for number in range(4)] + ["none"]
    with pytest.raises(
        UserError, match="^channel .*: column label has numbers with commas, as in 0,5; expected numbers"
    ):
        RawLabels().encode(Dataset.from_dict({"label": labels}), (), FOLDER)
    found, _ = RawLabels(problem_type=SINGLE_LABEL).encode(Dataset.from_dict({"label": labels}), (), FOLDER)
    assert found.to_pylist() == [0, 1, 2, 3, 4]


def test_numbers_are_read_from_text() -> None:
    assert encoded(["0.5", " -2 ", "1e3"])[0] == [0.5, -2.0, 1000.0]
    assert encoded([1, 5], problem_type=REGRESSION)[0] == [1.0, 5.0]


@pytest.mark.parametrize(
    ("labels", "settings", "message"),
    [
        (["0.5", ""], {"problem_type": REGRESSION}, "column label is empty in 1 of 2 rows"),
        (["0.5", "x"], {"problem_type": REGRESSION}, "column label has values that are no numbers"),
        (["a", "a"], {}, "has 1 different values, expected 2 to 1,000 classes"),
        ([str(i) for i in range(1001)], {}, "has 1,001 different values, .* classes \\(or problem_type=regression\\)"),
        (
            [*(str(i + 0.5) for i in range(400)), "n/a"],
            {},
            "has 400 different numbers with fractions and 1 other values; expected numbers alone",
        ),
        (
            [i / 400 + 0.001 for i in range(400)],
            {"problem_type": SINGLE_LABEL},
            "has 400 different numbers with fractions, but problem_type is single_label_classification; expected regr",
        ),
        (["a", "b"], {"problem_type": MULTI_LABEL}, "expected arrays, or hyperparameter label_delimiter or label_col"),
        ([["a"], ["b", "a"]], {"problem_type": SINGLE_LABEL}, "column label holds arrays, expected one class a row"),
    ],
)
def test_what_is_no_label_is_refused(labels: list[Any], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        encoded(labels, **settings)
