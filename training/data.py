"""Channels: what processing prepared, or any folder that `datasets` saved, as token ids and labels."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from datasets import ClassLabel, Dataset, concatenate_datasets, load_from_disk

from contract.card import CARD_FILE, Card
from contract.failures import UserError
from training.fingerprint import row_digests

SAVED = "state.json"
IDS, LABELS, LENGTH, MASK = "input_ids", "labels", "length", "attention_mask"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Channel:
    """Rows of one channel.

    Attributes:
        rows: columns input_ids (list<int>), labels (int), length (int), attention_mask where stored.
        lengths: (rows,) int64, tokens in each row.
        labels: (rows,) int64, class of each row.
        card: of the prepared data; None where the folder has none.
        label_names: of the classes; a class that nobody named is known by its number.
    """

    rows: Dataset
    lengths: np.ndarray
    labels: np.ndarray
    card: Card | None
    label_names: tuple[str, ...]


@dataclass(frozen=True)
class Channels:
    """The rows to train on, to choose the model by, and to judge it by."""

    train: Channel
    validation: Channel
    test: Channel | None


def load(folder: Path) -> Channel:
    """The rows below `folder`: saved there, in one folder a host below it, or as parquet files.

    Raises:
        UserError: there are none, a column is missing, or the hosts' cards disagree.
    """
    parts = saved_folders(folder)
    tables = [load_from_disk(str(part)) for part in parts] or [from_parquet(folder)]
    rows = concatenate_datasets(tables) if len(tables) > 1 else tables[0]
    card = merged([Card.read(home) for home in card_folders(folder, parts)], folder)
    rows = normalised(rows, folder)
    labels = label_array(rows, folder)
    names = check_labels(labels, card.label_names if card else feature_names(rows), folder)
    log.info("channel %s: %s rows from %d folders", folder.name, f"{len(rows):,}", max(len(parts), 1))
    return Channel(rows, column(rows, LENGTH), labels, card, names)


def column(rows: Dataset, name: str) -> np.ndarray:
    """(rows,) int64, the numbers of one column."""
    return rows.data.column(name).to_numpy().astype(np.int64)


def saved_folders(folder: Path) -> list[Path]:
    """`folder` if `datasets` saved there, else the folders below it where it did, in sorted order."""
    if not folder.is_dir():
        raise UserError(f"channel {folder} does not exist; expected prepared rows there")
    if (folder / SAVED).is_file():
        return [folder]
    return sorted(path.parent for path in folder.glob(f"*/{SAVED}"))


def from_parquet(folder: Path) -> Dataset:
    """All parquet files below `folder`, in sorted order."""
    files = sorted(folder.rglob("*.parquet"))
    if not files:
        found = sorted(path.name for path in folder.iterdir())[:3]
        raise UserError(
            f"channel {folder} holds {found or 'nothing'}; expected {SAVED} of datasets.save_to_disk, "
            "folders with one, or parquet files"
        )
    return concatenate_datasets([Dataset(parquet.read_table(file)) for file in files])


def card_folders(folder: Path, parts: list[Path]) -> list[Path]:
    """Where the cards lie: beside each part, or once above them."""
    return [home for home in parts or [folder] if (home / CARD_FILE).is_file()] or [
        home for home in [folder] if (home / CARD_FILE).is_file()
    ]


def merged(cards: list[Card], folder: Path) -> Card | None:
    """One card of all hosts' cards, split sizes added up.

    Raises:
        UserError: two differ in what training relies on.
    """
    if not cards:
        return None
    first = cards[0]
    for card in cards[1:]:
        for name in ("label_names", "max_length", "task"):
            if getattr(card, name) != getattr(first, name):
                raise UserError(
                    f"channel {folder}: cards disagree on {name}: {getattr(first, name)}, {getattr(card, name)}"
                )
        if card.tokenizer.sha256 != first.tokenizer.sha256:
            raise UserError(f"channel {folder}: its parts were made with different tokenizers")
    splits = {name: sum(card.splits.get(name, 0) for card in cards) for name in first.splits}
    return replace(first, splits=splits)


def feature_names(rows: Dataset) -> tuple[str, ...]:
    """Class names of a ClassLabel column; none for plain numbers."""
    feature = rows.features[LABELS]
    return tuple(feature.names) if isinstance(feature, ClassLabel) else ()


def normalised(rows: Dataset, folder: Path) -> Dataset:
    """`rows` with the columns of Channel and no others. Nothing is written: channels may be read-only."""
    names = rows.column_names
    if LABELS not in names and "label" in names:
        rows = rows.rename_column("label", LABELS)
    for name in (IDS, LABELS):
        if name not in rows.column_names:
            raise UserError(f"channel {folder} has columns {names}, expected {name}: process the text first")
    if not len(rows):
        raise UserError(f"channel {folder} has no rows")
    if LENGTH not in names:
        lengths = rows.data.column(IDS).combine_chunks().value_lengths()
        rows = rows.add_column(LENGTH, lengths.to_numpy(zero_copy_only=False).astype(np.int64))
    return rows.select_columns([IDS, LABELS, LENGTH] + [MASK] * (MASK in names))


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
