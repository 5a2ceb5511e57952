"""The columns of a channel: names, token counts, labels as whole numbers, and what is refused of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset

from contract.card import Card
from contract.failures import UserError

COLUMNS = IDS, LABELS, LENGTH, MASK, TEXT = "input_ids", "labels", "length", "attention_mask", "text"
TYPES = "token_type_ids"
# A column name as people and programs choose them; others may be texts of the data, taken for names by a reader.
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
MOST_NAMES = 20


class UnlabelledError(UserError):
    """The rows have no labels, as those of public test sets."""


def unlabelled(folder: Path) -> UnlabelledError:
    return UnlabelledError(
        f"channel {folder} has label -1 in each row, which means that there is none; expected labels"
    )


def named(names: Sequence[str]) -> str:
    """Column names for a message, without those that may be texts of the data."""
    plain = [name for name in names if PLAIN_NAME.fullmatch(name)][:MOST_NAMES]
    others = len(names) - len(plain)
    return ", ".join([*plain, *([f"{others} others"] if others else [])]) or "none"


def column(rows: Dataset, name: str) -> np.ndarray:
    """(rows,) int64, the numbers of one column."""
    return rows.data.column(name).to_numpy().astype(np.int64)


def normalised(rows: Dataset, card: Card | None, folder: Path) -> Dataset:
    """`rows` with the columns of Channel and no others. Nothing is written: channels may be read-only."""
    names = rows.column_names
    if LABELS not in names and "label" in names:
        rows = rows.rename_column("label", LABELS)
    if card is not None and card.text_column in names and card.text_column != TEXT:
        rows = rows.rename_column(card.text_column, TEXT)
    for name in (IDS, LABELS):
        if name not in rows.column_names:
            raise UserError(f"channel {folder} has columns {named(names)}; expected {name}: process the text first")
    refuse_odd_ids(rows, folder)
    if LENGTH not in names or card is None or MASK in names:
        # A column of this name that others made may count characters.
        rows = rows.remove_columns([LENGTH]) if LENGTH in names else rows
        rows = rows.add_column(LENGTH, token_counts(rows))
    empty = int((column(rows, LENGTH) < 1).sum())
    if empty:
        raise UserError(
            f"channel {folder}: {empty:,} of {len(rows):,} rows have no token; expected at least one in each"
        )
    refuse_pairs(rows, folder)
    return with_plain_labels(rows.select_columns([name for name in COLUMNS if name in rows.column_names]), folder)


def refuse_odd_ids(rows: Dataset, folder: Path) -> None:
    """Raises UserError: a row has no list of token ids, or an attention_mask of another length."""
    lists = [name for name in (IDS, MASK) if name in rows.column_names]
    for name in lists:
        column = rows.data.column(name)
        is_list = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
        if not is_list and not pa.types.is_fixed_size_list(column.type):
            raise UserError(f"channel {folder}: {name} are of type {column.type}, expected lists of whole numbers")
        values = pc.list_flatten(column)
        if not pa.types.is_integer(values.type):
            raise UserError(f"channel {folder}: {name} are lists of {values.type}, expected lists of whole numbers")
        if column.null_count or values.null_count:
            missing = column.null_count or values.null_count
            raise UserError(f"channel {folder}: {name} has {missing:,} missing values, expected a list in each row")
    if len(lists) > 1:
        lengths = [pc.list_value_length(rows.data.column(name)) for name in lists]
        if pc.any(pc.not_equal(*lengths)).as_py():
            raise UserError(f"channel {folder}: {IDS} and {MASK} differ in length; expected one number for each token")


def token_counts(rows: Dataset) -> np.ndarray:
    """(rows,) int64, tokens in each row, without padding where an attention mask tells it."""
    column = rows.data.column(MASK if MASK in rows.column_names else IDS)
    counts = pc.list_value_length(column).to_numpy().astype(np.int64)
    if MASK not in rows.column_names:
        return counts
    real = np.concatenate([[0], np.cumsum(pc.list_flatten(column).to_numpy().astype(np.int64))])
    ends = np.cumsum(counts)
    return real[ends] - real[ends - counts]


def refuse_pairs(rows: Dataset, folder: Path) -> None:
    """Raises UserError: rows are of two texts, told apart by token_type_ids, which training would leave out."""
    if (
        TYPES in rows.column_names
        and pc.any(pc.not_equal(pc.list_flatten(rows.data.column(TYPES)), pa.scalar(0))).as_py()
    ):
        raise UserError(
            f"channel {folder}: {TYPES} tells apart the two texts of a row, which this image does not train on; "
            "expected rows of one text"
        )


def with_plain_labels(rows: Dataset, folder: Path) -> Dataset:
    """`rows` with labels that are numbers, where each is an array of one.

    Raises:
        UserError: a row has several labels.
    """
    stored = rows.data.column(LABELS)
    if not (pa.types.is_list(stored.type) or pa.types.is_fixed_size_list(stored.type)):
        return rows
    if set(pc.unique(pc.list_value_length(stored)).to_pylist()) != {1}:
        raise UserError(f"channel {folder}: labels are arrays of several values, expected one class a row")
    return with_labels(rows, pc.list_flatten(stored))


def with_labels(rows: Dataset, labels: pa.Array | pa.ChunkedArray) -> Dataset:
    """`rows` with `labels` in place of their own; nothing is written."""
    place = rows.data.column_names.index(LABELS)
    return Dataset(rows.data.table.set_column(place, LABELS, labels))


def label_array(rows: Dataset, folder: Path) -> np.ndarray:
    """The labels, (rows,) int64.

    Raises:
        UserError: a row has none, or they are no whole numbers.
    """
    stored = rows.data.column(LABELS)
    if pa.types.is_boolean(stored.type) or (pa.types.is_floating(stored.type) and is_whole(stored)):
        return pc.cast(stored, pa.int64()).to_numpy()
    if stored.null_count:
        raise UserError(f"channel {folder}: {stored.null_count} of {len(stored)} rows have no label")
    if not pa.types.is_integer(stored.type):
        raise UserError(f"channel {folder}: labels are of type {stored.type}, expected whole numbers from 0")
    return column(rows, LABELS)


def is_whole(values: pa.ChunkedArray) -> bool:
    """Whether every number is there and whole."""
    return not values.null_count and bool(pc.all(pc.equal(pc.floor(values), values)).as_py())
