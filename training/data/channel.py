"""Channel and Channels: token ids and labels of a channel as arrays; columns, label checks, validation split."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from datasets import ClassLabel, Dataset

from contract.card import Card
from contract.failures import UserError
from training.data import sources
from training.data.columns import IDS, LABELS, LENGTH, column, label_array, normalised, unlabelled, with_labels
from training.data.delimited import DETECTED
from training.data.fingerprint import of_rows, row_digests
from training.data.tokenization import TextEncoder

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
    def is_named(self) -> bool:
        """Whether somebody named the classes."""
        return self.label_names != tuple(map(str, range(len(self.label_names))))

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


def load(folder: Path, encoder: TextEncoder | None = None, names: Sequence[str] = (), split_name: str = "") -> Channel:
    """The rows below `folder`, tokenized where they are text.

    Args:
        folder: of the channel.
        encoder: for text; none refuses it.
        names: of the classes, for text whose labels are names; empty takes those that occur.
        split_name: train, validation or test: which one is taken of a folder that holds several.

    Raises:
        UserError: there are no rows, a column is missing, or the hosts' cards disagree.
    """
    settings = encoder.settings if encoder else DETECTED
    source = sources.read(folder, encoder.columns() if encoder else (), split_name, settings)
    rows = source.rows
    if not len(rows):
        raise UserError(f"channel {folder} has no rows")
    tokenized_here = IDS not in rows.column_names and encoder is not None
    if tokenized_here and encoder is not None:
        rows = encoder.encode(rows, names, folder)
    rows = normalised(rows, source.card, folder)
    labels = label_array(rows, folder)
    classes = check_labels(labels, source.card.label_names if source.card else feature_names(rows), folder)
    part = f", split {source.split}" if source.split else ""
    log.info("channel %s%s: %s rows from %d parts", folder.name, part, f"{len(rows):,}", source.parts)
    return Channel(rows, column(rows, LENGTH), labels, source.card, classes, tokenized_here)


def feature_names(rows: Dataset) -> tuple[str, ...]:
    """Class names of a ClassLabel column; none for plain numbers."""
    feature = rows.features[LABELS]
    return tuple(feature.names) if isinstance(feature, ClassLabel) else ()


def check_labels(labels: np.ndarray, names: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """The names of the classes; numbers where there are none.

    Raises:
        UnlabelledError: no row has a label.
        UserError: a label has no name.
    """
    if (labels == -1).all():
        raise unlabelled(folder)
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


def with_classes(channel: Channel, names: tuple[str, ...]) -> Channel:
    """`channel` with the classes `names`, its labels numbered anew where it knows them in another order.

    Raises:
        UserError: it has a class that is none of them.
    """
    unknown = [name for name in channel.label_names if name not in names]
    if unknown:
        raise UserError(f"it has classes {channel.label_names}, expected those of train, {names}")
    numbers = np.array([names.index(name) for name in channel.label_names])
    labels = numbers[channel.labels]
    return replace(channel, rows=with_labels(channel.rows, pa.array(labels)), labels=labels, label_names=names)


def by_length(channel: Channel) -> Dataset:
    """The rows, the longest first: batches of like length, and memory that does not suffice shows at once."""
    return channel.rows.select(np.argsort(-channel.lengths, kind="stable"))
