"""Labels of rows of raw text: found, and where each row has one, a class by name or a number."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Dataset, Value

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from contract.failures import UserError
from contract.labels import MOST_CLASSES, MOST_FRACTIONS, unlike_classes
from training.data.columns import named, refuse_missing
from training.data.label_sets import by_columns, by_lists, class_names, lists, refuse_unnamed
from training.data.labels import AUTO, UnlabelledError, has_fractions, is_list

LABEL_COLUMNS = ("labels", "label")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RawLabels:
    """Where raw rows have their labels.

    Attributes:
        column: none takes the first of LABEL_COLUMNS that is there.
        columns: of 0 and 1, one a label, in place of `column`.
        delimiter: between the labels of a row.
        problem_type: `auto` takes the one that the values suggest.
    """

    column: str | None = None
    columns: tuple[str, ...] = ()
    delimiter: str | None = None
    problem_type: str = AUTO

    def sources(self) -> tuple[str, ...]:
        """The columns that may hold labels."""
        return self.columns or ((self.column,) if self.column else LABEL_COLUMNS)

    def present(self, rows: Dataset) -> list[str]:
        """The columns of `rows` that are read for labels."""
        found = [name for name in self.sources() if name in rows.column_names]
        return found if self.columns else found[:1]

    def encode(self, rows: Dataset, names: Sequence[str], folder: Path) -> tuple[pa.ChunkedArray, Any]:
        """The labels of `rows`, and the feature of `datasets` that describes them.

        Args:
            names: of the classes; empty takes the values that are there, in sorted order.
            folder: for messages.

        Returns:
            int64 and a ClassLabel; lists of int64 and a List of ClassLabel; or float64 and a Value.

        Raises:
            UserError: a column or a value is missing, or not of the problem type.
        """
        if not self.present(rows):
            raise UnlabelledError(
                f"channel {folder}: columns {named(rows.column_names)} are found, but none of "
                f"{', '.join(self.sources())} with the labels is among them; expected the hyperparameter "
                f"{'label_columns to name them' if self.columns else 'label_column to name it'}"
            )
        if self.columns:
            return by_columns(rows, self.columns, folder)
        [name] = self.present(rows)
        stored = rows.data.column(name)
        known = tuple(names) or class_names(rows, name)
        kind = self.kind_of(stored, name, folder)
        if kind == MULTI_LABEL:
            return by_lists(
                lists(rows, name, self.delimiter, folder), known, name, folder, are_names=bool(class_names(rows, name))
            )
        if kind == REGRESSION:
            return floats(stored, name, folder), Value("float64")
        values = labels_as_text(rows, name, folder)
        refuse_missing(values, name, folder)
        if not known and self.problem_type == AUTO:
            refuse_unlike_classes(values, name, folder)
        found = known or distinct(values, name, folder)
        return numbered(values, found, name, folder), ClassLabel(names=list(found))

    def kind_of(self, stored: pa.ChunkedArray, name: str, folder: Path) -> str:
        """The problem type, as configured or as the column suggests."""
        if self.problem_type != AUTO:
            return self.problem_type
        if self.delimiter or is_list(stored.type):
            kind, why = MULTI_LABEL, "it holds arrays" if is_list(stored.type) else "label_delimiter is set"
        elif (found := as_floats(stored)) is not None and has_fractions(found):
            kind, why = REGRESSION, "it holds numbers with fractions"
        else:
            kind, why = SINGLE_LABEL, "it holds one value a row, and no numbers with fractions"
        log.info("channel %s: problem_type = %s, because of column %s: %s", folder.name, kind, name, why)
        return kind


# One class a row


def labels_as_text(rows: Dataset, name: str, folder: Path) -> pa.ChunkedArray:
    """The labels by name: those of a ClassLabel, or whatever is written there, without the space around it."""
    names = class_names(rows, name)
    values = rows.data.column(name)
    if names:
        refuse_unnamed(values, len(names), folder)
        return pc.take(pa.chunked_array([pa.array(names)]), values)
    if pa.types.is_nested(values.type):
        raise UserError(f"channel {folder}: column {name} holds arrays, expected one class a row")
    return pc.utf8_trim_whitespace(pc.cast(values, pa.string()))


def refuse_unlike_classes(values: pa.ChunkedArray, name: str, folder: Path) -> None:
    """Raises UserError: most labels are numbers with commas, or lists that a csv writer has turned to text."""
    counted: Any = pc.value_counts(values)
    rows = {str(each["values"]): int(each["counts"]) for each in counted.to_pylist()}
    if found := unlike_classes(rows):
        raise UserError(
            f"channel {folder}: column {name} has {found}; expected numbers with points, label_delimiter for several "
            f"labels, or problem_type={SINGLE_LABEL} if they are classes"
        )


def distinct(values: pa.ChunkedArray, name: str, folder: Path) -> tuple[str, ...]:
    """The values that occur: numbers in their order, other text sorted."""
    found: list[Any] = pc.unique(values).to_pylist()
    refuse_mostly_numbers(found, name, folder)
    if not 2 <= len(found) <= MOST_CLASSES:
        raise UserError(
            f"channel {folder}: column {name} has {len(found):,} different values, "
            f"expected 2 to {MOST_CLASSES:,} classes{' (or problem_type=regression)' if len(found) > 1 else ''}"
        )
    if all(re.fullmatch(r"-?[0-9]+", value) for value in found):
        return tuple(sorted(found, key=int))
    return tuple(sorted(found))


def refuse_mostly_numbers(found: Sequence[str], name: str, folder: Path) -> None:
    """Raises UserError: of many values most are numbers with fractions, which are for regression and no classes."""
    fractions = sum(bool(re.fullmatch(r"[-+]?[0-9]*\.[0-9]*[1-9][0-9]*", value)) for value in found)
    if fractions > MOST_FRACTIONS and fractions == len(found):
        raise UserError(
            f"channel {folder}: column {name} has {fractions:,} different numbers with fractions, but problem_type is "
            f"{SINGLE_LABEL}; expected regression, or at most {MOST_FRACTIONS} such numbers"
        )
    if fractions > MOST_FRACTIONS and 2 * fractions > len(found):
        raise UserError(
            f"channel {folder}: column {name} has {fractions:,} different numbers with fractions and "
            f"{len(found) - fractions:,} other values; expected numbers alone, which are for regression, or classes"
        )


def numbered(values: pa.ChunkedArray, names: Sequence[str], column: str, folder: Path) -> pa.ChunkedArray:
    """int64, the place of each value among `names`."""
    places = cast(pa.ChunkedArray, pc.index_in(values, pa.array(names)))
    if places.null_count:
        first = pc.index(pc.is_null(places), True).as_py() + 1
        # Not the value itself: where columns were mixed up it is a text of the data.
        raise UserError(
            f"channel {folder}: column {column} has another value than the {len(names)} classes of train in "
            f"{places.null_count:,} of {len(values):,} rows, the first is row {first:,}"
        )
    return pc.cast(places, pa.int64())


# A number a row


def as_floats(stored: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The column as float64; None where a value is no number. Empty text is no number."""
    try:
        if pa.types.is_string(stored.type) or pa.types.is_large_string(stored.type):
            stored = pc.utf8_trim_whitespace(stored)
        return pc.cast(stored, pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def floats(stored: pa.ChunkedArray, name: str, folder: Path) -> pa.ChunkedArray:
    """float64, the numbers of a column.

    Raises:
        UserError: a row has none.
    """
    refuse_missing(stored, name, folder)
    found = as_floats(stored)
    if found is None:
        raise UserError(
            f"channel {folder}: column {name} has values that are no numbers, but problem_type is {REGRESSION}; "
            "expected a number in each row"
        )
    return found
