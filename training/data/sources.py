"""Files of a channel's folder: saved datasets, parquet or text files, of one host or many, and their cards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as parquet
from datasets import Dataset, concatenate_datasets, load_from_disk

from contract.card import CARD_FILE, Card
from contract.failures import UserError
from training.data import text_files

SAVED = "state.json"


@dataclass(frozen=True)
class Source:
    """The rows of a channel as they lie there, their card where there is one, and the number of parts."""

    rows: Dataset
    card: Card | None
    parts: int


def read(folder: Path, as_text: Iterable[str]) -> Source:
    """All rows below `folder`, of one host or of many, the parts in sorted order.

    Args:
        as_text: columns of csv and tsv files that are not to be taken for numbers.

    Raises:
        UserError: there are none, a file cannot be read, or the hosts' cards disagree.
    """
    if not folder.is_dir():
        raise UserError(f"channel {folder} does not exist; expected rows there")
    tables: list[Dataset]
    if parts := saved_folders(folder):
        tables = [load_from_disk(str(part)) for part in parts]
    elif parts := sorted(folder.rglob("*.parquet")):
        tables = [Dataset(parquet.read_table(file)) for file in parts]
    elif parts := text_files.find(folder):
        tables = [text_files.read(parts, as_text)]
    else:
        raise nothing_to_read(folder)
    return Source(joined(tables, folder), merged(cards(folder), folder), len(parts))


def saved_folders(folder: Path) -> list[Path]:
    """`folder` if `datasets` saved there, else the folders below it where it did, in sorted order."""
    return [folder] if (folder / SAVED).is_file() else sorted(path.parent for path in folder.rglob(SAVED))


def nothing_to_read(folder: Path) -> UserError:
    found = sorted(path.name for path in folder.iterdir())[:3]
    return UserError(
        f"channel {folder} holds {found or 'nothing'}; expected {SAVED} of datasets.save_to_disk, folders with one, "
        f"parquet files, or text in {', '.join(text_files.SUFFIXES[:3])} files"
    )


def joined(tables: list[Dataset], folder: Path) -> Dataset:
    try:
        return concatenate_datasets(tables) if len(tables) > 1 else tables[0]
    except ValueError as error:
        raise UserError(f"channel {folder}: its parts differ in their columns: {error}") from None


def cards(folder: Path) -> list[Card]:
    """The cards below `folder`: one, or one of each host."""
    return [Card.read(file.parent) for file in sorted(folder.rglob(CARD_FILE))]


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
