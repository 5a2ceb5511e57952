"""Marks applied to batches."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from processing.across_rows.marks import SAME_SPLIT, Marks
from processing.rows.filters import Outcome


def batch(outcomes: list[int]) -> pa.RecordBatch:
    columns = [pa.array(outcomes, pa.uint8()), pa.array([0] * len(outcomes), pa.uint8())]
    return pa.RecordBatch.from_arrays(columns, names=["outcome", "split"])


def test_marked_rows_change_and_others_do_not() -> None:
    marks = Marks(
        np.array([1, 4, 5, 7]),
        np.array([Outcome.DUPLICATE, Outcome.DUPLICATE, Outcome.KEPT, Outcome.KEPT], np.uint8),
        np.array([SAME_SPLIT, SAME_SPLIT, 2, 1], np.uint8),
        np.array([1, 1, 1, 3], np.uint16),
    )
    first = marks.apply(batch([0, 0, 0, 0]), 0)
    other = marks.apply(batch([Outcome.OTHER_HOST, 0, Outcome.OVER_MAX_ROWS, 0]), 4)
    assert first.column("outcome").to_pylist() == [0, Outcome.DUPLICATE, 0, 0]
    assert other.column("outcome").to_pylist() == [Outcome.OTHER_HOST, 0, Outcome.OVER_MAX_ROWS, 0]
    assert (first.column("split").to_pylist(), other.column("split").to_pylist()) == ([0] * 4, [0, 2, 0, 1])
    assert other.column("copies").to_pylist() == [1, 1, 1, 3]


def test_without_marks_nothing_changes() -> None:
    assert Marks.none().apply(batch([0, 3]), 0).drop_columns(["copies"]).equals(batch([0, 3]))
