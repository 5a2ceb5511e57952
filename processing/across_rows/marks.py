"""Marks: arrays of row numbers and what the first pass has decided about them, applied to batches of the query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from processing.across_rows.occurrences import MARKS, in_files
from processing.arrays import to_arrow, to_numpy
from processing.rows.filters import Outcome

FETCHED_ROWS = 100_000
# A mark of this split leaves the row in its own.
SAME_SPLIT = 255
# Outcomes that a mark replaces; a row with another outcome keeps it, such as one of another host.
REPLACED = (Outcome.KEPT, Outcome.OVER_MAX_ROWS)


@dataclass(frozen=True)
class Marks:
    """Marked rows of a file, sorted.

    Attributes:
        rows: int64, indices of the rows in the file.
        outcomes: uint8, KEPT for a row that is not left out.
        splits: uint8, index in SPLITS, or SAME_SPLIT.
        copies: uint16, how often the row is written.
    """

    rows: NDArray[np.int64]
    outcomes: NDArray[np.uint8]
    splits: NDArray[np.uint8]
    copies: NDArray[np.uint16]

    @classmethod
    def none(cls) -> Marks:
        """No marks."""
        return cls(np.empty(0, np.int64), np.empty(0, np.uint8), np.empty(0, np.uint8), np.empty(0, np.uint16))

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection, files: Sequence[int]) -> Marks:
        """The marks of a file or a group of `files`, given by their numbers in the job."""
        relation = connection.sql(
            f"SELECT row, outcome, coalesce(split, {SAME_SPLIT})::UTINYINT, copies FROM {MARKS} "
            f"WHERE {in_files(files)} ORDER BY row"
        )
        batches = [cls.none(), *(cls.fetched(batch) for batch in relation.to_arrow_reader(FETCHED_ROWS))]
        return cls(
            np.concatenate([part.rows for part in batches]),
            np.concatenate([part.outcomes for part in batches]),
            np.concatenate([part.splits for part in batches]),
            np.concatenate([part.copies for part in batches]),
        )

    @classmethod
    def fetched(cls, batch: pa.RecordBatch) -> Marks:
        """The marks in a batch with the columns row, outcome, split and copies."""
        return cls(
            to_numpy(batch.column(0), np.int64),
            to_numpy(batch.column(1), np.uint8),
            to_numpy(batch.column(2), np.uint8),
            to_numpy(batch.column(3), np.uint16),
        )

    def apply(self, batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
        """`batch` with the outcomes, splits and copies of its marked rows.

        Args:
            first: index in the file of the first row of `batch`.
        """
        copies = np.ones(batch.num_rows, np.uint16)
        start, end = np.searchsorted(self.rows, [first, first + batch.num_rows])
        if start < end:
            rows = self.rows[start:end] - first
            copies[rows] = self.copies[start:end]
            is_left_out = (self.outcomes[start:end] != Outcome.KEPT) & self._is_replaced(batch, rows)
            batch = replaced(batch, "outcome", rows, self.outcomes[start:end], is_left_out)
            batch = replaced(batch, "split", rows, self.splits[start:end], self.splits[start:end] != SAME_SPLIT)
        return batch.append_column("copies", to_arrow(copies))

    @staticmethod
    def _is_replaced(batch: pa.RecordBatch, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.isin(to_numpy(batch.column("outcome"), np.uint8)[rows], REPLACED)


def replaced(
    batch: pa.RecordBatch, name: str, rows: NDArray[np.int64], values: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> pa.RecordBatch:
    """`batch` with `values` in the uint8 column `name`, in those of `rows` for which `mask` is true."""
    column = to_numpy(batch.column(name), np.uint8).copy()
    column[rows[mask]] = values[mask]
    return batch.set_column(batch.schema.get_field_index(name), name, to_arrow(column))
