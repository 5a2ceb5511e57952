"""The columns of a channel: their names, token counts, and what is refused of them."""

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

COLUMNS = IDS, LABELS, LENGTH, MASK, TYPES, TEXT, PAIR = (
    "input_ids",
    "labels",
    "length",
    "attention_mask",
    "token_type_ids",
    "text",
    "text_pair",
)
# A column name as people and programs choose them; others may be texts of the data, taken for names by a reader.
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
MOST_NAMES = 20


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
    for kept, name in ((card.text_column, TEXT), (card.text_pair_column, PAIR)) if card is not None else ():
        if kept in names and kept != name:
            rows = rows.rename_column(kept, name)
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
    if TYPES in rows.column_names and not has_second_texts(rows):
        rows = rows.remove_columns([TYPES])
    return rows.select_columns([name for name in COLUMNS if name in rows.column_names])


def refuse_odd_ids(rows: Dataset, folder: Path) -> None:
    """Raises UserError: a row has no list of token ids, or an attention_mask of another length."""
    lists = [name for name in (IDS, MASK, TYPES) if name in rows.column_names]
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
    counts = pc.list_value_length(rows.data.column(IDS))
    for name in lists[1:]:
        if pc.any(pc.not_equal(counts, pc.list_value_length(rows.data.column(name)))).as_py():
            raise UserError(f"channel {folder}: {IDS} and {name} differ in length; expected one number for each token")


def token_counts(rows: Dataset) -> np.ndarray:
    """(rows,) int64, tokens in each row, without padding where an attention mask tells it."""
    column = rows.data.column(MASK if MASK in rows.column_names else IDS)
    counts = pc.list_value_length(column).to_numpy().astype(np.int64)
    if MASK not in rows.column_names:
        return counts
    real = np.concatenate([[0], np.cumsum(pc.list_flatten(column).to_numpy().astype(np.int64))])
    ends = np.cumsum(counts)
    return real[ends] - real[ends - counts]


def has_second_texts(rows: Dataset) -> bool:
    """Whether token_type_ids tell apart two texts in some row."""
    return bool(pc.any(pc.not_equal(pc.list_flatten(rows.data.column(TYPES)), pa.scalar(0))).as_py())


def with_labels(rows: Dataset, labels: pa.Array | pa.ChunkedArray) -> Dataset:
    """`rows` with `labels` in place of their own; nothing is written."""
    place = rows.data.column_names.index(LABELS)
    return Dataset(rows.data.table.set_column(place, LABELS, labels))


def pick(rows: Dataset, wanted: str | None, usual: Sequence[str], option: str, folder: Path) -> str:
    """The column of raw text or labels that the caller names, else the first usual one."""
    names = rows.column_names
    found = wanted if wanted in names else next((name for name in usual if name in names), None)
    if found is None or (wanted is not None and found != wanted):
        sought = f"hyperparameter {option} is {wanted!r}" if wanted else f"none of {', '.join(usual)} is among them"
        raise UserError(
            f"channel {folder}: columns {named(names)} are found, but {sought}; expected the hyperparameters "
            "text_column and label_column to name two"
        )
    return found


def refuse_missing(values: pa.ChunkedArray, name: str, folder: Path) -> None:
    """Raises UserError: a value of the column `name` is missing, or is text without a character."""
    empty = pc.is_null(values)
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        empty = pc.or_kleene(empty, pc.equal(pc.utf8_trim_whitespace(values), pa.scalar("", values.type)))
    missing = pc.sum(pc.cast(empty, pa.int64())).as_py() or 0
    if missing:
        raise UserError(
            f"channel {folder}: column {name} is empty in {missing:,} of {len(values):,} rows; "
            "expected a value in each: process the data first, or leave these rows out"
        )


def refuse_width(values: np.ndarray, counts: np.ndarray, labels: int, folder: Path, is_float: bool = False) -> None:
    """Refuse arrays of 0 or 1 for another number of labels, which would be taken for the numbers of labels.

    Arrays of numbers have each number once.

    Args:
        values: of all rows, one row's after the other's.
        counts: (rows,) values of each row.
        labels: that there are.
        is_float: whether the values are stored as numbers with fractions, as 0 and 1 are and numbers of labels are not.

    Raises:
        UserError: names the first row with another number of values.
    """
    if not len(values) or (counts == labels).all() or not np.isin(values, (0, 1)).all():
        return
    rows = np.repeat(np.arange(len(counts)), counts)
    if len(np.unique(np.stack([rows, values]), axis=1).T) < len(values) or is_float:
        row = int((counts != labels).argmax())
        raise UserError(
            f"channel {folder}: row {row + 1:,} has {counts[row]} values of 0 or 1, but there are {labels} labels; "
            "expected a value for each label"
        )
