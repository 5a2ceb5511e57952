"""The sample rows in report.html: the first rows of each split, shortened."""

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
    """One row. `number` is its class; None in unlabelled data."""

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
        """Take what is still wanted from `batch`, with the columns text and number; all arguments are by row."""
        for place, name in enumerate(SPLITS):
            wanted = self.most - len(self.rows[name])
            for row in np.flatnonzero(splits == place)[:wanted] if wanted > 0 else ():
                full, length = int(tokens.full_lengths[row]), int(tokens.lengths[row])
                text, number = batch.column("text")[row].as_py(), batch.column("number")[row].as_py()
                self.rows[name].append(RowSample(name, shortened(text), number, full, full > length))


def shortened(text: str) -> str:
    return text if len(text) <= EXCERPT_CHARS else text[: EXCERPT_CHARS - 1].rstrip() + "\u2026"
