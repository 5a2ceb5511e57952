"""Splits that the input has already: by the value of a column, or by the names of files and folders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.rows.split import RANGE, SPLITS, hash_sql
from processing.sql import literal

NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "development", "eval", "evaluation"),
    "test": ("test", "testing"),
}
INDEX = {name: SPLITS.index(split) for split, names in NAMES.items() for name in names}
WORD_ENDS = re.compile("[-_ ]")
TRAIN, VALIDATION, TEST = range(len(SPLITS))
# Files whose split is kept, since it is asked for several times.
MOST_NAMES = 32_768
# Share of the rows of train that become validation where the input has none.
DEFAULT_SHARE = 0.1


@dataclass(frozen=True)
class GivenSplits:
    """Splits that are kept as they are.

    Attributes:
        present: indices in SPLITS of the splits that the input has.
        validation_share: share of the rows of train that become validation, by the hash of the row's key.
    """

    present: frozenset[int]
    validation_share: float

    def shares(self) -> tuple[float, float, float]:
        """Shares of the splits as the job writes them: above 0 for those that may have rows."""
        has_validation = self.validation_share > 0 or VALIDATION in self.present
        return (1.0, float(has_validation), float(TEST in self.present))


def given_splits(options: ProcessingOptions, present: frozenset[int]) -> GivenSplits:
    """The splits `present`, with validation cut from train if --validation-ratio says so, or if there is none."""
    if options.validation_ratio is not None:
        return GivenSplits(present, options.validation_ratio)
    return GivenSplits(present, 0.0 if VALIDATION in present else DEFAULT_SHARE)


@lru_cache(MOST_NAMES)
def by_name(name: str) -> int | None:
    """Index in SPLITS of the split that a file's name, else its innermost folder, names; None if none does.

    A file names a split by the first or last word of its name (train.csv, train-00000-of-00002.parquet,
    reviews_test.jsonl), a folder by its whole name.
    """
    *folders, own = name.lower().split("/")
    words = list(filter(None, WORD_ENDS.split(own.partition(".")[0])))
    candidates = [*words[:1], *words[-1:], *reversed(folders)]
    return next((INDEX[word] for word in candidates if word in INDEX), None)


def by_files(options: ProcessingOptions, names: Sequence[str]) -> frozenset[int]:
    """Indices in SPLITS of the splits that the names of all files give; empty if rows are to be split by hash.

    Args:
        names: of the files of all hosts.

    Raises:
        UserError: --given-splits keep is set and a file names no split.
    """
    if options.split_column is not None or options.given_splits == "ignore":
        return frozenset()
    must_keep = options.given_splits == "keep"
    present: set[int] = set()
    for name in names:
        split = by_name(name)
        if split is None and must_keep:
            raise UserError(f"input file {name} names no split, expected train, validation or test in its name")
        if split is None:
            return frozenset()
        present.add(split)
    is_complete = must_keep or (TRAIN in present and len(present) > 1)
    return frozenset(present) if is_complete else frozenset()


def given_sql(column: str) -> str:
    """SQL for the index in SPLITS that the text `column` names; NULL if it names none."""
    cases = " ".join(f"WHEN {literal(name)} THEN {index}" for name, index in INDEX.items())
    return f"CAST(CASE lower(trim({column})) {cases} END AS UTINYINT)"


def file_split_sql(name: str) -> str:
    """SQL for the index in SPLITS that the `name` of a file names, for all its rows; NULL if it names none."""
    split = by_name(name)
    return f"CAST({'NULL' if split is None else split} AS UTINYINT)"


def kept_split_sql(given: GivenSplits, seed: int) -> str:
    """SQL for the index of a row's split in SPLITS (UTINYINT), over the columns `given` and `key`."""
    bound = round((1 - given.validation_share) * RANGE)
    train = f"CASE WHEN {hash_sql(seed)} < {bound} THEN {TRAIN} ELSE {VALIDATION} END"
    return f"CAST(CASE WHEN given = {TRAIN} THEN {train} ELSE given END AS UTINYINT)"
