"""Several labels in a row of raw text as numbers: from arrays, text with a delimiter, or columns of 0 and 1."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Dataset, List

from contract.card import MULTI_LABEL
from contract.failures import UserError
from contract.labels import FALSE, MOST_CLASSES, TRUE, ordered
from training.data.columns import refuse_width
from training.data.labels import is_list, unlabelled

# Of each two the first means that a row has not the label.
FLAGS = tuple(flag for pair in zip(FALSE, TRUE, strict=True) for flag in pair)

log = logging.getLogger(__name__)


def class_names(rows: Dataset, label: str) -> tuple[str, ...]:
    feature = getattr(rows.features[label], "feature", rows.features[label])
    return tuple(feature.names) if isinstance(feature, ClassLabel) else ()


def lists(rows: Dataset, name: str, delimiter: str | None, folder: Path) -> pa.ChunkedArray:
    """list<string>, the names of each row's labels, from arrays or from text with a delimiter."""
    stored = rows.data.column(name)
    if stored.null_count:
        raise UserError(f"channel {folder}: {stored.null_count} of {len(stored)} rows have no label in column {name}")
    if is_list(stored.type):
        names = class_names(rows, name)
        flat, counts = pc.list_flatten(stored), pc.list_value_length(stored)
        if pa.types.is_nested(flat.type):
            raise UserError(f"channel {folder}: column {name} has arrays of {flat.type}, expected labels in them")
        if flat.null_count or (pa.types.is_floating(flat.type) and pc.any(pc.is_nan(flat)).as_py()):
            raise UserError(f"channel {folder}: column {name} has arrays with missing values, expected labels in them")
        if names:
            refuse_unnamed(flat, len(names), folder)
        words = pc.take(pa.array(names), flat) if names else pc.utf8_trim_whitespace(pc.cast(flat, pa.string()))
        if pc.any(pc.equal(words, pa.scalar(""))).as_py():
            raise UserError(f"channel {folder}: column {name} has arrays with empty labels, expected a name in each")
        return nested(words, counts.to_numpy().astype(np.int64))
    if not delimiter:
        raise UserError(
            f"channel {folder}: column {name} holds {stored.type}, but problem_type is {MULTI_LABEL}; expected arrays, "
            "or hyperparameter label_delimiter or label_columns"
        )
    parts = [
        [part for each in str(text).split(delimiter) if (part := each.strip())]
        for text in pc.cast(stored, pa.string()).to_pylist()
    ]
    return pa.chunked_array([pa.array(parts, pa.list_(pa.string()))])


def nested(flat: Any, counts: np.ndarray) -> pa.ChunkedArray:
    """Lists of so many of the values `flat` each."""
    whole = flat.combine_chunks() if isinstance(flat, pa.ChunkedArray) else flat
    ends: np.ndarray = np.concatenate([[0], np.cumsum(counts)])
    return pa.chunked_array([pa.ListArray.from_arrays(pa.array(ends, pa.int32()), whole)])


def by_lists(
    found: pa.ChunkedArray, names: tuple[str, ...], column: str, folder: Path, are_names: bool = False
) -> tuple[pa.ChunkedArray, Any]:
    """Numbers of labels from lists of names, or from lists of 0 or 1 for each label.

    Args:
        names: of the labels; empty takes those that occur, or of lists of 0 and 1 numbers.
        are_names: whether the lists are known to hold names, as those of a ClassLabel.
    """
    flat: Any = pc.list_flatten(found)
    counts = pc.list_value_length(found).to_numpy().astype(np.int64)
    if not len(flat):
        raise UserError(f"channel {folder}: column {column} is empty in each of {len(found):,} rows, expected labels")
    flags = None if are_names else as_flags(flat, counts, len(names), folder)
    if flags is not None:
        names = names or tuple(map(str, range(flags.shape[1])))
        return from_flags(flags), List(ClassLabel(names=list(names)))
    known = names or ordered(map(str, pc.unique(flat).to_pylist()))
    if len(known) > MOST_CLASSES:
        raise UserError(
            f"channel {folder}: column {column} has {len(known):,} different labels, expected at most {MOST_CLASSES:,}"
        )
    places = cast(pa.ChunkedArray, pc.index_in(flat, pa.array(known)))
    if places.null_count:
        wrong = np.asarray(pc.is_null(places).to_pylist())
        rows = np.unique(np.repeat(np.arange(len(counts)), counts)[wrong])
        raise UserError(
            f"channel {folder}: column {column} has other labels than the {len(known)} of train in {len(rows):,} of "
            f"{len(counts):,} rows, the first is row {rows[0] + 1:,}"
        )
    log.info("channel %s: %s of %s rows have none of the labels", folder.name, f"{(counts == 0).sum():,}", len(counts))
    numbers, counts = each_once(places.to_numpy().astype(np.int64), counts, len(known), folder)
    return nested(pa.array(numbers), counts), List(ClassLabel(names=list(known)))


def each_once(numbers: np.ndarray, counts: np.ndarray, labels: int, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """`numbers` and `counts` without the labels that a row names again, as processing counts them.

    Args:
        numbers: of the labels of all rows, one row's after the other's.
        counts: (rows,) labels of each row.
        labels: that there are.
    """
    rows = np.repeat(np.arange(len(counts)), counts)
    first = np.sort(np.unique(rows * labels + numbers, return_index=True)[1])
    once = np.bincount(rows[first], minlength=len(counts))
    if repeated := int((once < counts).sum()):
        log.warning("channel %s: %s rows have a label several times: it counts once", folder.name, f"{repeated:,}")
    return numbers[first], once


def refuse_unnamed(values: pa.ChunkedArray | pa.Array, classes: int, folder: Path) -> None:
    """Raises UserError: numbers of a ClassLabel column are those of no class; -1 means that there is none."""
    bounds: Any = pc.min_max(values).as_py()
    if bounds["max"] is not None and bounds["min"] == bounds["max"] == -1:
        raise unlabelled(folder)
    if bounds["max"] is not None and not 0 <= bounds["min"] <= bounds["max"] < classes:
        raise UserError(
            f"channel {folder}: labels go from {bounds['min']} to {bounds['max']}, expected 0 to {classes - 1}"
        )


def as_flags(flat: pa.ChunkedArray, counts: np.ndarray, labels: int, folder: Path) -> np.ndarray | None:
    """(rows, labels) bool, where lists hold 0 or 1 for each of several labels; None where they hold something else.

    Args:
        flat: strings, of all lists one after the other.
        counts: (rows,) values of each list.
        labels: that there are; 0 takes the length of the lists.

    Raises:
        UserError: they hold 0 or 1 for another number of labels.
    """
    width = labels or int(counts.max(initial=0))
    found = cast(pa.ChunkedArray, pc.index_in(pc.utf8_lower(flat), pa.array(FLAGS)))
    if found.null_count or width < 2:
        return None
    values = found.to_numpy() % 2
    refuse_width(values, counts, width, folder)
    return (values == 1).reshape(-1, width) if (counts == width).all() else None


def from_flags(flags: np.ndarray) -> pa.ChunkedArray:
    """list<int64>, the numbers of the labels that each row has.

    Args:
        flags: (rows, labels) bool.
    """
    return nested(pa.array(np.nonzero(flags)[1], pa.int64()), flags.sum(1))


def by_columns(rows: Dataset, columns: Sequence[str], folder: Path) -> tuple[pa.ChunkedArray, Any]:
    """Numbers of labels from columns of 0 and 1, one a label.

    Raises:
        UserError: a column is missing, named twice, or has another value.
    """
    if len(set(columns)) != len(columns):
        raise UserError(f"hyperparameter label_columns is {', '.join(columns)}, expected each column once")
    flags = np.zeros((len(rows), len(columns)), dtype=bool)
    for place, name in enumerate(columns):
        if name not in rows.column_names:
            raise UserError(f"channel {folder} has no column {name}, which label_columns names")
        if pa.types.is_nested(rows.data.column(name).type):
            raise UserError(f"channel {folder}: column {name} holds arrays, expected 0 or 1 in each row")
        words = pc.utf8_lower(pc.utf8_trim_whitespace(pc.cast(rows.data.column(name), pa.string())))
        found = cast(pa.ChunkedArray, pc.index_in(words, pa.array(FLAGS)))
        if found.null_count:
            first = pc.index(pc.is_null(found), True).as_py() + 1
            raise UserError(
                f"channel {folder}: column {name} is neither 0 nor 1 in {found.null_count:,} of {len(rows):,} rows, "
                f"the first is row {first:,}; expected one of {', '.join(FLAGS)}"
            )
        flags[:, place] = found.to_numpy() % 2
    return from_flags(flags), List(ClassLabel(names=list(columns)))
