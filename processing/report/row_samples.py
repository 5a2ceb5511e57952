"""RowSamples: collects the sample rows of report.html, the first rows of each split, shortened."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from processing.rows.split import SPLITS
from processing.tokenizing.encoder import Tokens

EXCERPT_CHARS = 240


@dataclass(frozen=True)
class RowSample:
    """One sample row. `number` is its class number; None in unlabelled data."""

    split: str
    text: str
    number: int | None
    tokens: int
    is_truncated: bool


@dataclass
class RowSamples:
    """Collects the first `most` rows of each split."""

    most: int
    rows: dict[str, list[RowSample]] = field(default_factory=lambda: {name: [] for name in SPLITS})

    def add(self, batch: pa.RecordBatch, splits: NDArray[np.uint8], tokens: Tokens) -> None:
        """Add rows of `batch` until there are `most` of each split.

        Args:
            batch: rows with the columns text and number.
            splits: index in SPLITS of each row.
            tokens: tokens of each row.
        """
        for index, name in enumerate(SPLITS):
            missing = self.most - len(self.rows[name])
            for row in np.flatnonzero(splits == index)[:missing] if missing > 0 else ():
                full, length = int(tokens.full_lengths[row]), int(tokens.lengths[row])
                text, number = batch.column("text")[row].as_py(), batch.column("number")[row].as_py()
                self.rows[name].append(RowSample(name, shortened(text), number, full, full > length))


def shortened(text: str) -> str:
    """`text`, truncated to EXCERPT_CHARS characters."""
    return text if len(text) <= EXCERPT_CHARS else text[: EXCERPT_CHARS - 1].rstrip() + "\u2026"
