"""Channel and Channels: token ids and labels of a channel as arrays; columns, label checks, validation split."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from datasets import Dataset

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL, Card
from contract.failures import UserError
from training.data import labels, sources
from training.data.columns import IDS, LENGTH, TYPES, column, normalised, with_labels
from training.data.delimited import DETECTED
from training.data.fingerprint import of_rows, row_digests
from training.data.labels import AUTO
from training.data.tokenization import TextEncoder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Channel:
    """Rows of one channel.

    Attributes:
        rows: columns input_ids (list<int>), labels, length (int); attention_mask, token_type_ids, text and text_pair
            where stored.
        lengths: (rows,) int64, tokens in each row.
        labels: by problem type, as training.data.labels has them.
        card: of the prepared data; None where the folder has none.
        label_names: of the classes; a class that nobody named is known by its number.
        tokenized_here: whether the ids come from the column text, by the model's tokenizer.
        problem_type: as in contract.card.
    """

    rows: Dataset
    lengths: np.ndarray
    labels: np.ndarray
    card: Card | None
    label_names: tuple[str, ...]
    tokenized_here: bool = False
    problem_type: str = SINGLE_LABEL

    @property
    def is_named(self) -> bool:
        """Whether somebody named the classes."""
        return self.label_names != tuple(map(str, range(len(self.label_names))))

    @property
    def fingerprint(self) -> str:
        """Digest of the token ids and types, lengths and labels of the rows."""
        types = self.rows.data.column(TYPES) if TYPES in self.rows.column_names else None
        return of_rows(self.rows.data.column(IDS), self.lengths, self.labels, types)


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


def load(
    folder: Path,
    encoder: TextEncoder | None = None,
    names: Sequence[str] = (),
    split_name: str = "",
    problem_type: str = AUTO,
) -> Channel:
    """The rows below `folder`, tokenized where they are text.

    Args:
        folder: of the channel.
        encoder: for text; none refuses it.
        names: of the classes, for text whose labels are names; empty takes those that occur.
        split_name: train, validation or test: which one is taken of a folder that holds several.
        problem_type: `auto` takes the card's, else what the labels suggest.

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
    found = read_labels(rows, source.card, folder, names, problem_type)
    part = f", split {source.split}" if source.split else ""
    log.info("channel %s%s: %s rows from %d parts", folder.name, part, f"{len(rows):,}", source.parts)
    return Channel(
        with_labels(rows, as_column(found.values)),
        column(rows, LENGTH),
        found.values,
        source.card,
        found.names,
        tokenized_here,
        found.problem_type,
    )


def read_labels(
    rows: Dataset, card: Card | None, folder: Path, names: Sequence[str], problem_type: str
) -> labels.Labels:
    """The labels of `rows`, of the card's problem type where there is a card.

    Raises:
        UserError: the card is of another problem type than `problem_type` or contradicts itself, or as labels.read.
    """
    kind = card.problem_type if card else problem_type
    if problem_type not in (AUTO, kind):
        raise UserError(f"problem_type is {problem_type}, but channel {folder} was processed for {kind}")
    known = card.label_names if card else ()
    if kind == REGRESSION and len(known) > 1:
        raise UserError(f"card of channel {folder} has {len(known)} label_names, but problem_type {kind}; expected one")
    return labels.read(rows, folder, kind, known or (names if kind == MULTI_LABEL else ()))


def split(channel: Channel, fraction: float, seed: int) -> tuple[Channel, Channel]:
    """Train and validation from one channel, by a hash of each row's ids.

    Equal rows land on the same side, whatever the order of the files.

    Raises:
        UserError: one side would be empty.
    """
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
    if channel.labels.ndim == 2:
        values = np.zeros((len(channel.labels), len(names)), channel.labels.dtype)
        values[:, numbers] = channel.labels
    else:
        values = numbers[channel.labels]
    return replace(channel, rows=with_labels(channel.rows, as_column(values)), labels=values, label_names=names)


def as_column(values: np.ndarray) -> pa.Array:
    """(rows,) numbers, or (rows, labels) numbers as lists."""
    if values.ndim == 1:
        return pa.array(values)
    ends = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(values.reshape(-1)))


def by_length(channel: Channel) -> Dataset:
    """The rows, the longest first: batches of like length, and memory that does not suffice shows at once."""
    return channel.rows.select(np.argsort(-channel.lengths, kind="stable"))
