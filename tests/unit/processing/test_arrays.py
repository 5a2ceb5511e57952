"""Conversions keep every value."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from processing.arrays import take, to_arrow, to_numpy


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.float64])
def test_conversions_round_trip(dtype: type[np.generic]) -> None:
    values = np.arange(10).astype(dtype)
    assert to_numpy(to_arrow(values), dtype).tolist() == values.tolist()
    assert to_numpy(to_arrow(values[::2]).slice(1, 3), dtype).tolist() == values[2:8:2].tolist()
    assert to_numpy(to_arrow(values[:0]), dtype).tolist() == []


def test_take_keeps_the_wanted_rows_in_order() -> None:
    batch = pa.RecordBatch.from_pydict({"a": [1, 2, 3], "b": [[1], [], [2, 3]]})
    assert take(batch, np.array([True, False, True])).to_pydict() == {"a": [1, 3], "b": [[1], [2, 3]]}
    assert take(batch, np.array([False] * 3)).num_rows == 0
