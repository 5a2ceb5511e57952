"""The demo's model: a small BERT, untrained, whose vocabulary was made from the reviews."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

from contract import small_bert


def texts(path: Path, column: str) -> Iterator[str]:
    """The values of `column` in a tab-separated, unquoted file; malformed lines are skipped."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row[column]:
                yield row[column]


def write_model(folder: Path, reviews: Path, column: str, max_length: int) -> None:
    """Write a folder that training starts from, without weights."""
    small_bert.write_model(folder, texts(reviews, column), max_length)
