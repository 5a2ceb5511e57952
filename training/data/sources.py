"""Files of a channel's folder: saved datasets, parquet or text files, of one host or many, their splits and cards."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
from datasets import Dataset, concatenate_datasets, load_from_disk

from contract import arrow_stream
from contract.card import CARD_FILE, Card
from contract.decompression import COMPRESSIONS
from contract.dialect import TextSettings
from contract.failures import UserError
from training.data import text_files
from training.data.delimited import DETECTED

log = logging.getLogger(__name__)

SAVED, SAVED_SPLITS = "state.json", "dataset_dict.json"
# How the hub and datasets name the parquet files of a split: train-00000-of-00002.parquet, maybe with a digest.
SPLIT_FILE = re.compile(r"(?P<split>[A-Za-z_]+)-\d{5}-of-\d{5}(-[0-9a-f]+)?\.parquet")
# The names that a split goes by, as a channel and within one.
SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid", "eval", "dev", "eval_dataset"),
    "test": ("test",),
}


@dataclass(frozen=True)
class Source:
    """The rows of a channel as they lie there, their card where there is one, the number of parts, and their split."""

    rows: Dataset
    card: Card | None
    parts: int
    split: str | None = None


def read(folder: Path, as_text: Iterable[str], split: str = "", settings: TextSettings = DETECTED) -> Source:
    """All rows below `folder`, of one host or of many, the parts in sorted order; of one split where it holds several.

    Args:
        as_text: columns of csv, tsv and JSON files that are read.
        split: which of SPLIT_NAMES is wanted.
        settings: what the hyperparameters say about csv and tsv files.

    Raises:
        UserError: there are none, a file cannot be read, the hosts' cards disagree, files of several kinds lie there,
            or the split is not there.
    """
    if not folder.is_dir():
        raise UserError(f"channel {folder} does not exist; expected rows there")
    within = splits(folder)
    chosen = own_name(within, split) if len(within) > 1 else next(iter(within), None)
    if within and chosen is None:
        raise UserError(f"channel {folder} holds the splits {', '.join(within)}, expected one for {split or 'train'}")
    kind, parts = found_parts(folder, chosen)
    name_unread(folder)
    tables: list[Dataset]
    if kind == "saved":
        tables = [read_saved(part, folder) for part in parts]
    elif kind == "parquet":
        tables = [Dataset(read_parquet(file)) for file in parts]
    else:
        tables = [text_files.read(parts, as_text, settings)]
    return Source(joined(tables, folder), merged(cards(folder), folder), len(parts), chosen)


def read_saved(part: Path, folder: Path) -> Dataset:
    """The rows of a folder that save_to_disk wrote, below the channel's `folder`."""
    for file in sorted(part.glob("*.arrow")):
        name = str(file.relative_to(folder))
        try:
            if not arrow_stream.is_file_format(file):
                arrow_stream.refuse_part(file, name)
        except (pa.ArrowException, OSError):
            raise UserError(f"file {name} cannot be read: it is damaged, or no Arrow file") from None
    # Without what set_format did: it would leave out columns, and give tensors.
    return load_from_disk(str(part)).with_format(None)


def read_parquet(file: Path) -> pa.Table:
    try:
        return parquet.read_table(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"file {file.name} cannot be read as parquet ({type(error).__name__})") from None


def splits(folder: Path) -> list[str]:
    """The splits within `folder`: of a saved DatasetDict, or of parquet files as the hub names them."""
    if (folder / SAVED_SPLITS).is_file():
        return list(json.loads((folder / SAVED_SPLITS).read_text())["splits"])
    names = [SPLIT_FILE.fullmatch(file.name) for file in visible(folder, "*.parquet")]
    found = {name["split"] for name in names if name}
    return sorted(found) if len(found) > 1 else []


def own_name(within: Sequence[str], split: str) -> str | None:
    """The name that `split` has among those `within` a folder."""
    return next((name for name in SPLIT_NAMES.get(split or "train", ()) if name in within), None)


def found_parts(folder: Path, split: str | None) -> tuple[str, list[Path]]:
    """The kind of data below `folder`, and its folders or files in sorted order.

    Raises:
        UserError: there is none, or there are several kinds, of which one would be ignored.
    """
    if (folder / SAVED_SPLITS).is_file() and split is not None:
        return "saved", saved_folders(folder / split)
    parquet_files = visible(folder, "*.parquet")
    if split is not None:
        parquet_files = [file for file in parquet_files if file.name.startswith(f"{split}-")]
    kinds = {"saved": saved_folders(folder), "parquet": parquet_files, "text": text_of_rows(folder)}
    present = [kind for kind, parts in kinds.items() if parts]
    if not present:
        raise nothing_to_read(folder)
    if len(present) > 1:
        named = " and ".join(str(kinds[kind][0].relative_to(folder)) for kind in present)
        raise UserError(f"channel {folder} holds {named}; expected data of one kind, for one of them would be ignored")
    return present[0], kinds[present[0]]


def visible(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.rglob(pattern) if not text_files.is_hidden(path.relative_to(folder)))


def text_of_rows(folder: Path) -> list[Path]:
    """The files of raw text, without the JSON files that datasets, the hub and processing write beside data."""
    described = {SAVED, SAVED_SPLITS, "dataset_info.json", "dataset_infos.json", CARD_FILE, "tokenizer.json"}
    described |= {"tokenizer_config.json", "special_tokens_map.json", "schema.json"}
    return [file for file in text_files.find(folder) if file.name not in described]


def name_unread(folder: Path) -> None:
    """Log the files that are of no kind that is read, but for those that describe data."""
    known = (*text_files.SUFFIXES, ".parquet", ".arrow", ".md", ".lock")
    files = [path for path in visible(folder, "*") if path.is_file() and path.stat().st_size]
    unread = [path.name for path in files if not path.name.lower().endswith(known)]
    if unread:
        log.warning(
            "channel %s: %d files are not read, the first is %s; expected csv, tsv or JSON (also %s): process others",
            *(folder.name, len(unread), unread[0], ", ".join(COMPRESSIONS)),
        )


def saved_folders(folder: Path) -> list[Path]:
    """`folder` if `datasets` saved there, else the folders below it where it did, in sorted order."""
    if (folder / SAVED).is_file():
        return [folder]
    return sorted(path.parent for path in visible(folder, SAVED))


def nothing_to_read(folder: Path) -> UserError:
    found = sorted(path.name for path in folder.iterdir())[:3]
    return UserError(
        f"channel {folder} holds {found or 'nothing'}; expected {SAVED} of datasets.save_to_disk, folders with one, "
        f"parquet files, or text in {', '.join(text_files.SUFFIXES[:4])} files"
    )


def joined(tables: list[Dataset], folder: Path) -> Dataset:
    try:
        return concatenate_datasets(tables) if len(tables) > 1 else tables[0]
    except (ValueError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
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
        for name in ("label_names", "max_length", "task", "problem_type", "text_pair_column", "truncation"):
            if getattr(card, name) != getattr(first, name):
                raise UserError(
                    f"channel {folder}: cards disagree on {name}: {getattr(first, name)}, {getattr(card, name)}"
                )
        if card.tokenizer.sha256 != first.tokenizer.sha256:
            raise UserError(f"channel {folder}: its parts were made with different tokenizers")
    splits = {name: sum(card.splits.get(name, 0) for card in cards) for name in first.splits}
    return replace(first, splits=splits)
