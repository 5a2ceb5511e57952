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
# Lengths are counted one by one up to here, so that percentiles are exact and memory is flat.
LONGEST_COUNTED = 65_536


@dataclass
class Statistics:
    """What the rows that were kept look like."""

    rows: Counter[str] = field(default_factory=Counter)
    classes: dict[str, Counter[int]] = field(default_factory=lambda: {name: Counter() for name in SPLITS})
    truncated: int = 0
    tokens: int = 0
    full_lengths: NDArray[np.int64] = field(default_factory=lambda: np.zeros(LONGEST_COUNTED + 1, np.int64))

    def add_tokens(self, tokens: Tokens) -> None:
        self.truncated += int((tokens.full_lengths > tokens.lengths).sum())
        self.tokens += int(tokens.lengths.sum())
        clipped = np.minimum(tokens.full_lengths, LONGEST_COUNTED)
        self.full_lengths += np.bincount(clipped, minlength=LONGEST_COUNTED + 1)

    def add_split(self, split: str, rows: int) -> None:
        self.rows[split] += rows

    def add_classes(self, split: str, numbers: NDArray[np.int64]) -> None:
        """Count the classes of rows that `add_split` has counted."""
        values, counts = np.unique(numbers, return_counts=True)
        self.classes[split].update(dict(zip(values.tolist(), counts.tolist(), strict=True)))

    def all_classes(self) -> dict[int, int]:
        return dict(sum(self.classes.values(), Counter()))


def percentiles(histogram: NDArray[np.int64]) -> dict[str, int]:
    """Smallest length that at least p percent of the rows do not exceed, for each of PERCENTILES."""
    total = int(histogram.sum())
    if not total:
        return {}
    cumulative = np.cumsum(histogram)
    return {f"p{p}": int(np.searchsorted(cumulative, np.ceil(total * p / 100))) for p in PERCENTILES}


def lengths(statistics: Statistics, max_length: int) -> dict[str, Any]:
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
    """Rows of each class in each split; None for unlabelled rows."""
    if not names:
        return None
    return {
        split: {name: counts[number] for number, name in enumerate(names)}
        for split, counts in statistics.classes.items()
    }


def counted(counts: Counts) -> dict[str, Any]:
    return {
        "read": counts.read,
        "kept": counts.kept,
        "filtered": dict(counts.filtered),
        "rejected": dict(counts.rejected),
        "other_hosts": counts.other_hosts,
    }


def timing(seconds: float, rows: int) -> dict[str, float]:
    return {"seconds": round(seconds, 3), "rows_per_second": round(rows / max(seconds, 1e-9), 1)}


def files(by_file: Mapping[str, Counts]) -> list[dict[str, Any]]:
    return [{"file": name, **counted(counts)} for name, counts in by_file.items()]


def told(counts: Counts) -> str:
    """The counts as part of a sentence."""
    parts = [f"{rows} filtered ({reason})" for reason, rows in counts.filtered.items()]
    parts += [f"{rows} rejected ({reason})" for reason, rows in counts.rejected.items()]
    return ", ".join([f"{counts.read} rows read", f"{counts.kept} kept", *parts])


def summary(card: Card, seconds: float) -> str:
    """The job in one line of the log."""
    counts = card.rows
    splits = ", ".join(f"{rows:,} {name}" for name, rows in card.splits.items())
    left_out = f"{sum(counts.filtered.values()):,} filtered, {sum(counts.rejected.values()):,} rejected"
    rate = counts.read / max(seconds, 1e-9)
    return (
        f"{counts.read:,} rows read, {left_out}, {counts.kept:,} kept ({splits}) in {seconds:.1f} s, {rate:,.0f} rows/s"
    )
