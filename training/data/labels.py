"""Labels of a channel as arrays, by problem type: one class a row, several labels a row, or a number a row."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Dataset

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from contract.failures import UserError
from contract.labels import NUMBER_NAME
from training.data.columns import LABELS, refuse_width

AUTO = "auto"
REASONS = {
    SINGLE_LABEL: "each row has one class",
    MULTI_LABEL: "rows have arrays of labels",
    REGRESSION: "labels are numbers with fractions",
}

log = logging.getLogger(__name__)


class UnlabelledError(UserError):
    """The rows have no labels, as those of public test sets."""


def unlabelled(folder: Path) -> UnlabelledError:
    return UnlabelledError(
        f"channel {folder} has label -1 in each row, which means that there is none; expected labels"
    )


@dataclass(frozen=True)
class Labels:
    """The labels of a channel.

    Attributes:
        values: single_label_classification: (rows,) int64, class of each row; multi_label_classification:
            (rows, labels) float32, 1 for each label that a row has, else 0; regression: (rows,) float32.
        names: of the classes or labels; one that nobody named is known by its number. One for regression.
        problem_type: as in contract.card.
    """

    values: np.ndarray
    names: tuple[str, ...]
    problem_type: str


def read(rows: Dataset, folder: Path, problem_type: str = AUTO, names: Sequence[str] = ()) -> Labels:
    """The labels in the column `labels` of `rows`.

    Args:
        folder: of the channel, for messages.
        problem_type: `auto` takes the one that the column's type suggests.
        names: of the card, or of the training rows; empty takes those of the column's feature, or numbers.

    Raises:
        UnlabelledError: no row has a label.
        UserError: a label is missing or not of the problem type.
    """
    stored = rows.data.column(LABELS)
    if stored.null_count:
        raise UserError(f"channel {folder}: {stored.null_count} of {len(stored)} rows have no label")
    chosen = problem_type
    if problem_type == AUTO:
        chosen = MULTI_LABEL if holds_named_lists(rows) else suggested(stored)
        log.info("channel %s: problem_type = %s, because %s", folder.name, chosen, REASONS[chosen])
    if chosen == REGRESSION:
        return Labels(numbers(stored, folder), tuple(names) or (NUMBER_NAME,), chosen)
    known = tuple(names) or feature_names(rows)
    if chosen == MULTI_LABEL:
        return several(stored, known, isinstance(inner_feature(rows), ClassLabel), folder)
    values = classes(stored, folder)
    return Labels(values, check_classes(values, known, folder), chosen)


def suggested(stored: pa.ChunkedArray) -> str:
    """The problem type that the type and values of a column of labels suggest."""
    if is_list(stored.type):
        return SINGLE_LABEL if set(pc.unique(pc.list_value_length(stored)).to_pylist()) == {1} else MULTI_LABEL
    return REGRESSION if pa.types.is_floating(stored.type) and has_fractions(stored) else SINGLE_LABEL


def is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def holds_named_lists(rows: Dataset) -> bool:
    """Whether the labels are lists of a ClassLabel: several labels, also where each of these rows has one."""
    return is_list(rows.data.column(LABELS).type) and isinstance(inner_feature(rows), ClassLabel)


def has_fractions(values: pa.ChunkedArray) -> bool:
    """Whether a number, of those that are finite, is not whole."""
    finite = values.filter(pc.is_finite(values))
    return bool(pc.any(pc.not_equal(pc.floor(finite), finite)).as_py())


def inner_feature(rows: Dataset) -> Any:
    """What `datasets` knows of a label: the feature of the column, or of the elements of its lists."""
    feature = rows.features[LABELS]
    return getattr(feature, "feature", feature)


def feature_names(rows: Dataset) -> tuple[str, ...]:
    """Class names of a ClassLabel column, or of lists of them; none for plain numbers."""
    feature = inner_feature(rows)
    return tuple(feature.names) if isinstance(feature, ClassLabel) else ()


# One class a row


def classes(stored: pa.ChunkedArray, folder: Path) -> np.ndarray:
    """(rows,) int64, the class of each row.

    Raises:
        UserError: a row has several, or they are no whole numbers.
    """
    if is_list(stored.type):
        if set(pc.unique(pc.list_value_length(stored)).to_pylist()) != {1}:
            raise UserError(f"channel {folder}: labels are arrays of several values, expected one class a row")
        stored = pa.chunked_array(pc.list_flatten(stored))
    is_whole = pa.types.is_floating(stored.type) and bool(pc.all(pc.equal(pc.floor(stored), stored)).as_py())
    if not (pa.types.is_integer(stored.type) or pa.types.is_boolean(stored.type) or is_whole):
        raise UserError(f"channel {folder}: labels are of type {stored.type}, expected whole numbers from 0")
    return pc.cast(stored, pa.int64()).to_numpy()


def check_classes(labels: np.ndarray, names: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """The names of the classes; numbers where there are none.

    Raises:
        UnlabelledError: no row has a label.
        UserError: a label has no name.
    """
    if (labels == -1).all():
        raise unlabelled(folder)
    count = len(names) or max(int(labels.max()) + 1, 2)
    if labels.min() < 0 or labels.max() >= count:
        raise UserError(f"channel {folder}: labels go from {labels.min()} to {labels.max()}, expected 0 to {count - 1}")
    return names or tuple(map(str, range(count)))


# Several labels a row


def several(stored: pa.ChunkedArray, names: tuple[str, ...], are_numbers: bool, folder: Path) -> Labels:
    """Labels from arrays: 0 or 1 for each label, or the numbers of the labels that a row has.

    Args:
        are_numbers: whether the arrays are known to hold numbers of labels, as those of a ClassLabel.

    Raises:
        UserError: they hold something else, or no row has a label.
    """
    if not is_list(stored.type):
        raise UserError(
            f"channel {folder}: labels are of type {stored.type}, but problem_type is {MULTI_LABEL}; "
            "expected an array of labels a row"
        )
    flat, counts = pc.list_flatten(stored), pc.list_value_length(stored).to_numpy().astype(np.int64)
    if flat.null_count or pa.types.is_nested(flat.type) or pa.types.is_string(flat.type):
        raise UserError(
            f"channel {folder}: arrays of labels hold {flat.null_count or flat.type}"
            f"{' missing values' if flat.null_count else ''}, expected 0 or 1 for each label, or numbers of labels"
        )
    values = pc.cast(flat, pa.float64()).to_numpy()
    width = len(names) or (int(counts.max()) if len(counts) else 0)
    is_flags = not are_numbers and (width > 1 or bool(names)) and bool((counts == width).all())
    matrix = values.reshape(-1, width) if is_flags and np.isin(values, (0, 1)).all() else None
    if matrix is None:
        if not are_numbers:
            refuse_width(values, counts, width, folder, pa.types.is_floating(flat.type))
        matrix = flags(values, counts, len(names), folder)
    if not matrix.any():
        raise UnlabelledError(f"channel {folder}: none of {len(counts)} rows has a label, expected some that have")
    names = names or tuple(map(str, range(matrix.shape[1])))
    return Labels(matrix.astype(np.float32), names, MULTI_LABEL)


def flags(numbers: np.ndarray, counts: np.ndarray, width: int, folder: Path) -> np.ndarray:
    """(rows, labels) float64, 1 for each label that a row has.

    Args:
        numbers: of the labels of all rows, one row's after the other's.
        counts: (rows,) labels of each row.
        width: labels that there are; 0 for one more than the largest number.

    Raises:
        UserError: a number is none of a label, or twice in a row, as where a row has 0 or 1 for too many labels.
    """
    width = width or int(numbers.max(initial=0)) + 1
    wrong = (numbers < 0) | (numbers >= width) | (numbers != np.floor(numbers))
    if wrong.any():
        row = np.repeat(np.arange(len(counts)), counts)[int(wrong.argmax())]
        raise UserError(
            f"channel {folder}: row {row + 1} has label {numbers[wrong][0]:g}, expected 0 or 1 for each of "
            f"{width} labels, or numbers from 0 to {width - 1}"
        )
    found: np.ndarray = np.zeros((len(counts), width))
    found[np.repeat(np.arange(len(counts)), counts), numbers.astype(np.int64)] = 1
    repeated = found.sum(1) < counts
    if repeated.any():
        raise UserError(
            f"channel {folder}: row {int(repeated.argmax()) + 1} has a label several times, expected 0 or 1 for each "
            f"of {width} labels, or each number once"
        )
    return found


# A number a row


def numbers(stored: pa.ChunkedArray, folder: Path) -> np.ndarray:
    """(rows,) float32, the number of each row.

    Raises:
        UserError: one is no number, NaN or infinite.
    """
    if is_list(stored.type) and set(pc.unique(pc.list_value_length(stored)).to_pylist()) == {1}:
        stored = pa.chunked_array(pc.list_flatten(stored))
    if not (pa.types.is_integer(stored.type) or pa.types.is_floating(stored.type)):
        raise UserError(
            f"channel {folder}: labels are of type {stored.type}, but problem_type is {REGRESSION}; expected numbers"
        )
    values = pc.cast(stored, pa.float64()).to_numpy().astype(np.float32)
    infinite = ~np.isfinite(values)
    if infinite.any():
        raise UserError(
            f"channel {folder}: {int(infinite.sum()):,} of {len(values):,} labels are NaN or infinite, the first is "
            f"that of row {int(infinite.argmax()) + 1:,}; expected finite numbers"
        )
    return values
