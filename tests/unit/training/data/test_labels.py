"""Labels as `datasets` stores them, to arrays by problem type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, Features, List

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from contract.failures import UserError
from training.data.labels import AUTO, Labels, read

FOLDER = Path("train")


def found(labels: list[Any], problem_type: str = AUTO, names: tuple[str, ...] = (), feature: Any = None) -> Labels:
    features = Features({"labels": feature}) if feature is not None else None
    return read(Dataset.from_dict({"labels": labels}, features=features), FOLDER, problem_type, names)


@pytest.mark.parametrize(
    ("labels", "problem_type"),
    [
        ([0, 1, 2], SINGLE_LABEL),
        ([0.0, 1.0], SINGLE_LABEL),
        ([True, False], SINGLE_LABEL),
        ([[0], [1]], SINGLE_LABEL),
        ([[0, 1], [1, 0]], MULTI_LABEL),
        ([[], [1], [0, 2]], MULTI_LABEL),
        ([0.5, 1.0], REGRESSION),
        ([i / 400 for i in range(400)], REGRESSION),
    ],
)
def test_the_labels_tell_the_problem_type(labels: list[Any], problem_type: str) -> None:
    assert found(labels).problem_type == problem_type


def test_a_problem_type_that_is_given_holds() -> None:
    assert found([1, 5, 3], REGRESSION).values.tolist() == [1, 5, 3]
    assert found([[0], [1]], MULTI_LABEL).values.tolist() == [[1, 0], [0, 1]]
    with pytest.raises(UserError, match="labels are of type double, expected whole numbers from 0"):
        found([0.5, 1.0], SINGLE_LABEL)


@pytest.mark.parametrize("labels", [[[0, 1, 1], [1, 0, 0]], [[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]]])
def test_arrays_of_one_length_are_0_or_1_for_each_label(labels: list[Any]) -> None:
    assert found(labels, names=("a", "b", "c")).values.tolist() == [[0, 1, 1], [1, 0, 0]]
    assert found(labels).names == ("0", "1", "2")


def test_other_arrays_hold_the_numbers_of_labels() -> None:
    assert found([[2], [], [0, 1]]).values.tolist() == [[0, 0, 1], [0, 0, 0], [1, 1, 0]]
    numbers = found([[0, 1], [1, 0]], feature=List(ClassLabel(names=["x", "y"])))
    assert (numbers.values.tolist(), numbers.names) == ([[1, 1], [1, 1]], ("x", "y"))


def test_lists_of_a_class_label_are_several_labels_also_where_each_row_has_one() -> None:
    assert found([[0], [1]], feature=List(ClassLabel(names=["x", "y"]))).problem_type == MULTI_LABEL


def test_0_or_1_for_another_number_of_labels_is_refused() -> None:
    for labels, row in (([[0, 1], [1, 1]], 1), ([[0, 1, 0], [1, 1]], 2), ([[1.0], [0.0]], 1)):
        with pytest.raises(UserError, match=f"row {row} has [12] values of 0 or 1, but there are 3 labels"):
            found(labels, MULTI_LABEL, ("0", "1", "2"))
    # Each of these rows has the labels 0 and 1.
    assert found([[0, 1], [1, 0]], MULTI_LABEL, ("0", "1", "2")).values.tolist() == [[1, 1, 0], [1, 1, 0]]


def test_a_number_has_one_name() -> None:
    assert found([0.5, 2]).names == ("LABEL_0",)
    assert found([0.5, 2], names=("stars",)).names == ("stars",)


@pytest.mark.parametrize(
    ("labels", "problem_type", "names", "message"),
    [
        ([1, None], AUTO, (), "1 of 2 rows have no label"),
        ([0.5, float("nan"), float("inf")], AUTO, (), "2 of 3 labels are NaN or infinite, the first is that of row 2"),
        (["a", "b"], REGRESSION, (), "labels are of type string, but problem_type is regression; expected numbers"),
        ([0, 1], MULTI_LABEL, (), "labels are of type int64, but problem_type is multi_label_classification"),
        ([[0, 1], [1]], SINGLE_LABEL, (), "labels are arrays of several values, expected one class a row"),
        ([[0, 3], []], AUTO, ("a", "b"), "row 1 has label 3, expected 0 or 1 for each of 2 labels, or numbers"),
        ([[0.5, 0.0]], AUTO, (), "row 1 has label 0.5, expected 0 or 1"),
        ([[0, 2, 2], [1]], AUTO, (), "row 1 has a label several times, expected 0 or 1 for each of 3 labels"),
        ([[], []], MULTI_LABEL, ("a",), "none of 2 rows has a label"),
        ([[0, None]], AUTO, (), "arrays of labels hold 1 missing values"),
        ([["a"], ["b", "a"]], AUTO, (), "arrays of labels hold string"),
    ],
)
def test_what_is_no_label_is_refused(
    labels: list[Any], problem_type: str, names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        found(labels, problem_type, names)
