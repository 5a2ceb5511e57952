"""report.json: row counts, label balance, length percentiles, truncation, timing; the summary log line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.card import Card
from processing.report.histogram import bins
from processing.rows.filters import Counts
from processing.rows.split import SPLITS
from processing.tokenizing.encoder import Tokens

REPORT_FILE = "report.json"
PERCENTILES = (5, 25, 50, 75, 95, 99, 100)
# Row lengths in tokens are counted exactly up to this one, so percentiles are exact and memory is constant.
LONGEST_COUNTED = 65_536


@dataclass
class Statistics:
    """Statistics of the kept rows.

    Attributes:
        rows: number of rows by split.
        classes: number of rows by split and class number.
        truncated: number of rows that were truncated.
        tokens: number of tokens that were written.
        repeated: number of rows that were written again, for --upsample.
        full_lengths: int64, at index i the number of rows with i tokens before truncation.
    """

    rows: Counter[str] = field(default_factory=Counter)
    classes: dict[str, Counter[int]] = field(default_factory=lambda: {name: Counter() for name in SPLITS})
    truncated: int = 0
    tokens: int = 0
    repeated: int = 0
    full_lengths: NDArray[np.int64] = field(default_factory=lambda: np.zeros(LONGEST_COUNTED + 1, np.int64))

    def add_tokens(self, tokens: Tokens) -> None:
        """Count the tokens of a batch."""
        self.truncated += int((tokens.full_lengths > tokens.lengths).sum())
        self.tokens += int(tokens.lengths.sum())
        clipped = np.minimum(tokens.full_lengths, LONGEST_COUNTED)
        self.full_lengths += np.bincount(clipped, minlength=LONGEST_COUNTED + 1)

    def add_split(self, split: str, rows: int) -> None:
        """Count `rows` rows of a split."""
        self.rows[split] += rows

    def add_classes(self, split: str, numbers: NDArray[np.int64]) -> None:
        """Count the class numbers of rows that `add_split` has counted."""
        values, counts = np.unique(numbers, return_counts=True)
        self.classes[split].update(dict(zip(values.tolist(), counts.tolist(), strict=True)))


def percentiles(histogram: NDArray[np.int64]) -> dict[str, int]:
    """For each p of PERCENTILES the smallest length that p percent of the rows do not exceed; empty without rows."""
    total = int(histogram.sum())
    if not total:
        return {}
    cumulative = np.cumsum(histogram)
    return {f"p{p}": int(np.searchsorted(cumulative, np.ceil(total * p / 100))) for p in PERCENTILES}


def lengths(statistics: Statistics, max_length: int) -> dict[str, Any]:
    """The section `lengths` of report.json."""
    rows = max(sum(statistics.rows.values()), 1)
    return {
        "unit": "tokens before truncation, special tokens included",
        "max_length": max_length,
        "percentiles": percentiles(statistics.full_lengths),
        "histogram": bins(statistics.full_lengths, max_length),
        "truncated_rows": statistics.truncated,
        "truncated_share": round(statistics.truncated / rows, 6),
        "tokens_written": statistics.tokens,
    }


def balance(statistics: Statistics, names: tuple[str, ...]) -> dict[str, dict[str, int]] | None:
    """The section `labels` of report.json: rows by split and class name; None for unlabelled rows."""
    if not names:
        return None
    return {
        split: {name: counts[number] for number, name in enumerate(names)}
        for split, counts in statistics.classes.items()
    }


def by_name(rows: Mapping[int, int], names: tuple[str, ...]) -> dict[str, int]:
    """Rows by class number as rows by class name."""
    return {names[number]: count for number, count in sorted(rows.items())}


def counted(counts: Counts) -> dict[str, Any]:
    """Row counts as JSON."""
    return {
        "read": counts.read,
        "kept": counts.kept,
        "filtered": dict(counts.filtered),
        "rejected": dict(counts.rejected),
        "other_hosts": counts.other_hosts,
    }


def timing(seconds: float, rows: int) -> dict[str, float]:
    """The section `time` of report.json."""
    return {"seconds": round(seconds, 3), "rows_per_second": round(rows / max(seconds, 1e-9), 1)}


def files(by_file: Mapping[str, Counts]) -> list[dict[str, Any]]:
    """The section `files` of report.json: row counts of each file."""
    return [{"file": name, **counted(counts)} for name, counts in by_file.items()]


def in_words(counts: Counts) -> str:
    """Row counts in words, for errors and logs."""
    parts = [f"{rows} filtered ({reason})" for reason, rows in counts.filtered.items()]
    parts += [f"{rows} rejected ({reason})" for reason, rows in counts.rejected.items()]
    return ", ".join([f"{counts.read} rows read", f"{counts.kept} kept", *parts])


def summary(card: Card, seconds: float) -> str:
    """The log line at the end of the job."""
    counts = card.rows
    splits = ", ".join(f"{rows:,} {name}" for name, rows in card.splits.items())
    dropped = f"{sum(counts.filtered.values()):,} filtered, {sum(counts.rejected.values()):,} rejected"
    rate = counts.read / max(seconds, 1e-9)
    return (
        f"{counts.read:,} rows read, {dropped}, {counts.kept:,} kept ({splits}) in {seconds:.1f} s, {rate:,.0f} rows/s"
    )
