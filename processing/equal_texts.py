"""EqualTexts: counts kept rows whose texts are equal but whose labels or splits differ, from a hash of each text."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from processing.arrays import to_numpy
from processing.rows.split import SPLITS

# A row takes 13 bytes here, and as much again when they are sorted.
MOST_ROWS = 4_000_000
HASHES = 2**64


@dataclass
class EqualTexts:
    """Hash, class number and split of kept rows.

    Of more than `most` rows only texts with small hashes are kept, and counts are estimates: equal texts have the same
    hash, so they are kept or left out together.

    Attributes:
        limit: hashes below it are kept.
    """

    most: int = MOST_ROWS
    limit: int = HASHES
    rows: int = 0
    parts: list[tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.uint8]]] = field(default_factory=list)

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the rows of a batch with the columns text_hash UBIGINT, number BIGINT (or NULL) and split UTINYINT."""
        hashes = to_numpy(batch.column("text_hash"), np.uint64)
        column = batch.column("number")
        # Rows without labels all count as of the same class.
        numbers = np.zeros(len(column), np.int32)
        if not column.null_count:
            numbers = to_numpy(column, np.int64).astype(np.int32)
        self._append(hashes, numbers, to_numpy(batch.column("split"), np.uint8))
        while self.rows > self.most:
            self.limit //= 2
            parts, self.parts, self.rows = self.parts, [], 0
            for part in parts:
                self._append(*part)

    def _append(self, hashes: NDArray[np.uint64], numbers: NDArray[np.int32], splits: NDArray[np.uint8]) -> None:
        small = slice(None) if self.limit == HASHES else np.flatnonzero(hashes < np.uint64(self.limit))
        # Copies: a slice would keep the batch with its texts in memory.
        self.parts.append((hashes[small].copy(), numbers[small].copy(), splits[small].copy()))
        self.rows += len(self.parts[-1][0])

    def counted(self) -> dict[str, int | bool]:
        """Numbers of rows, for report.json.

        conflicting_labels: rows whose text has another label in another row. validation_in_train, test_in_train: rows
        whose text is in train too. estimated: whether the counts are estimates.
        """
        if not self.rows:
            return {"conflicting_labels": 0, "validation_in_train": 0, "test_in_train": 0, "estimated": False}
        hashes, numbers, splits = (np.concatenate(arrays) for arrays in zip(*self.parts, strict=True))
        order = np.argsort(hashes, kind="stable")
        hashes, numbers, splits = hashes[order], numbers[order], splits[order]
        starts = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]]))
        sizes = np.diff(np.append(starts, len(hashes)))
        differ = np.minimum.reduceat(numbers, starts) != np.maximum.reduceat(numbers, starts)
        in_train = np.repeat(np.maximum.reduceat((splits == 0).astype(np.uint8), starts) > 0, sizes)
        leaked = {name: int((in_train & (splits == index)).sum()) for index, name in enumerate(SPLITS)}
        scale = HASHES // self.limit
        return {
            "conflicting_labels": int(sizes[differ].sum()) * scale,
            "validation_in_train": leaked["validation"] * scale,
            "test_in_train": leaked["test"] * scale,
            "estimated": scale > 1,
        }
