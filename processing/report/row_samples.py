"""RowSamples: collects the sample rows of report.html, the first rows of each split, shortened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from processing.rows.split import SPLITS
from processing.tokenizing.tokens import Tokens

EXCERPT_CHARS = 240


class RowSample(TypedDict):
    """One sample row.

    Attributes:
        texts: its text, or both of a pair, shortened.
        label: its class number; of several labels 0 or 1 for each; for regression its number; None in unlabelled data.
    """

    split: str
    texts: tuple[str, ...]
    label: float | Sequence[float] | None
    tokens: int
    is_truncated: bool


@dataclass
class RowSamples:
    """Collects the first `most` rows of each split."""

    most: int
    rows: dict[str, list[RowSample]] = field(default_factory=lambda: {name: [] for name in SPLITS})

    def add(self, texts: Sequence[pa.Array], labels: pa.Array, splits: NDArray[np.uint8], tokens: Tokens) -> None:
        """Add rows of a batch until there are `most` of each split.

        Args:
            texts: the text of each row, or the first and the second texts of pairs.
            labels: of each row.
            splits: index in SPLITS of each row.
            tokens: tokens of each row.
        """
        for index, name in enumerate(SPLITS):
            missing = self.most - len(self.rows[name])
            for row in np.flatnonzero(splits == index)[:missing] if missing > 0 else ():
                full, length = int(tokens.full_lengths[row]), int(tokens.lengths[row])
                shown = tuple(shortened(column[row].as_py()) for column in texts)
                self.rows[name].append(
                    RowSample(
                        split=name, texts=shown, label=labels[row].as_py(), tokens=full, is_truncated=full > length
                    )
                )


def shortened(text: str) -> str:
    """`text`, truncated to EXCERPT_CHARS characters."""
    return text if len(text) <= EXCERPT_CHARS else text[: EXCERPT_CHARS - 1].rstrip() + "\u2026"
