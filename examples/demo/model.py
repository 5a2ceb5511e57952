"""Writes the demo's base model: a small untrained BERT with a vocabulary from the generated reviews."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

from contract import small_bert


def texts(path: Path, column: str) -> Iterator[str]:
    """The values of `column` in a gzip file of tab-separated values without quotes; broken lines are skipped."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row[column]:
                yield row[column]


def write_model(folder: Path, reviews: Path, column: str, max_length: int) -> None:
    """Write a model folder without weights, from which training can start."""
    small_bert.write_model(folder, texts(reviews, column), max_length)
