"""Channel and Channels: token ids and labels of a channel as arrays; columns, label checks, validation split."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Dataset

from contract.card import Card
from contract.failures import UserError
from training.data import sources
from training.data.fingerprint import of_rows, row_digests
from training.data.tokenization import TextEncoder

COLUMNS = IDS, LABELS, LENGTH, MASK, TEXT = "input_ids", "labels", "length", "attention_mask", "text"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Channel:
    """Rows of one channel.

    Attributes:
        rows: columns input_ids (list<int>), labels (int), length (int); attention_mask and text where stored.
        lengths: (rows,) int64, tokens in each row.
        labels: (rows,) int64, class of each row.
        card: of the prepared data; None where the folder has none.
        label_names: of the classes; a class that nobody named is known by its number.
        tokenized_here: whether the ids come from the column text, by the model's tokenizer.
    """

    rows: Dataset
    lengths: np.ndarray
    labels: np.ndarray
    card: Card | None
    label_names: tuple[str, ...]
    tokenized_here: bool = False

    @property
    def fingerprint(self) -> str:
        """Digest of the token ids, lengths and labels of the rows."""
        return of_rows(self.rows.data.column(IDS), self.lengths, self.labels)


@dataclass(frozen=True)
class Channels:
    """The rows to train on, to choose the model by, and to judge it by.

    Attributes:
        max_length: most tokens of a row, here and in the answers of the delivered model.
    """

    train: Channel
    validation: Channel
    test: Channel | None
    max_length: int

    @property
    def all(self) -> list[Channel]:
        return [channel for channel in (self.train, self.validation, self.test) if channel is not None]


def load(folder: Path, encoder: TextEncoder | None = None, names: Sequence[str] = ()) -> Channel:
    """The rows below `folder`, tokenized where they are text.

    Args:
        folder: of the channel.
        encoder: for text; none refuses it.
        names: of the classes, for text whose labels are names; empty takes those that occur.

    Raises:
        UserError: there are no rows, a column is missing, or the hosts' cards disagree.
    """
    source = sources.read(folder, encoder.columns() if encoder else ())
    rows = source.rows
    if not len(rows):
        raise UserError(f"channel {folder} has no rows")
    tokenized_here = IDS not in rows.column_names and encoder is not None
    if tokenized_here and encoder is not None:
        rows = encoder.encode(rows, names, folder)
    rows = normalised(rows, source.card, folder)
    labels = label_array(rows, folder)
    classes = check_labels(labels, source.card.label_names if source.card else feature_names(rows), folder)
    log.info("channel %s: %s rows from %d parts", folder.name, f"{len(rows):,}", source.parts)
    return Channel(rows, column(rows, LENGTH), labels, source.card, classes, tokenized_here)


def column(rows: Dataset, name: str) -> np.ndarray:
    """(rows,) int64, the numbers of one column."""
    return rows.data.column(name).to_numpy().astype(np.int64)


def feature_names(rows: Dataset) -> tuple[str, ...]:
    """Class names of a ClassLabel column; none for plain numbers."""
    feature = rows.features[LABELS]
    return tuple(feature.names) if isinstance(feature, ClassLabel) else ()


def normalised(rows: Dataset, card: Card | None, folder: Path) -> Dataset:
    """`rows` with the columns of Channel and no others. Nothing is written: channels may be read-only."""
    names = rows.column_names
    if LABELS not in names and "label" in names:
        rows = rows.rename_column("label", LABELS)
    if card is not None and card.text_column in names and card.text_column != TEXT:
        rows = rows.rename_column(card.text_column, TEXT)
    for name in (IDS, LABELS):
        if name not in rows.column_names:
            raise UserError(f"channel {folder} has columns {names}, expected {name}: process the text first")
    if LENGTH not in names:
        lengths = pc.list_value_length(rows.data.column(IDS))
        rows = rows.add_column(LENGTH, lengths.to_numpy().astype(np.int64))
    return rows.select_columns([name for name in COLUMNS if name in rows.column_names])


def label_array(rows: Dataset, folder: Path) -> np.ndarray:
    """The labels, (rows,) int64.

    Raises:
        UserError: a row has none, or they are no whole numbers.
    """
    stored = rows.data.column(LABELS)
    if stored.null_count:
        raise UserError(f"channel {folder}: {stored.null_count} of {len(stored)} rows have no label")
    if not pa.types.is_integer(stored.type):
        raise UserError(f"channel {folder}: labels are of type {stored.type}, expected whole numbers from 0")
    return column(rows, LABELS)


def check_labels(labels: np.ndarray, names: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """The names of the classes; numbers where there are none.

    Raises:
        UserError: a label has no name.
    """
    classes = len(names) or max(int(labels.max()) + 1, 2)
    if labels.min() < 0 or labels.max() >= classes:
        raise UserError(
            f"channel {folder}: labels go from {labels.min()} to {labels.max()}, expected 0 to {classes - 1}"
        )
    return names or tuple(map(str, range(classes)))


def split(channel: Channel, fraction: float, seed: int) -> tuple[Channel, Channel]:
    """Train and validation from one channel, by a hash of each row's ids.

    Equal rows land on the same side, whatever the order of the files.

    Raises:
        UserError: one side would be empty.
    """
    if not 0 < fraction < 1:
        raise UserError(f"hyperparameter validation_fraction is {fraction}, expected a number between 0 and 1")
    held_out = row_digests(channel.rows.data.column(IDS), seed) < fraction
    if held_out.all() or not held_out.any():
        raise UserError(f"{len(held_out)} rows are too few to hold out {fraction} of them; give a channel `validation`")
    return take(channel, ~held_out), take(channel, held_out)


def take(channel: Channel, mask: np.ndarray) -> Channel:
    """The rows of `channel` where `mask` is true."""
    rows = channel.rows.select(np.flatnonzero(mask))
    return replace(channel, rows=rows, lengths=channel.lengths[mask], labels=channel.labels[mask])


def by_length(channel: Channel) -> Dataset:
    """The rows, the longest first: batches of like length, and memory that does not suffice shows at once."""
    return channel.rows.select(np.argsort(-channel.lengths, kind="stable"))
