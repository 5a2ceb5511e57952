"""Conversions keep every value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from processing.arrays import filtered, list_values, take, to_arrow, to_numpy


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.float64])
def test_conversions_round_trip(dtype: type[np.generic]) -> None:
    values = np.arange(10).astype(dtype)
    assert to_numpy(to_arrow(values), dtype).tolist() == values.tolist()
    assert to_numpy(to_arrow(values[::2]).slice(1, 3), dtype).tolist() == values[2:8:2].tolist()
    assert to_numpy(to_arrow(values[:0]), dtype).tolist() == []


def test_take_keeps_the_wanted_rows_in_order() -> None:
    batch = pa.RecordBatch.from_pydict({"a": [1, 2, 3], "b": [[1], [], [2, 3]]})
    assert filtered(batch, np.array([True, False, True])).to_pydict() == {"a": [1, 3], "b": [[1], [2, 3]]}
    assert filtered(batch, np.array([False] * 3)).num_rows == 0


def test_rows_are_taken_in_any_order_without_the_compute_module() -> None:
    values = pa.array(["a", "b", None, "d"])
    assert take(values[1:], np.array([2, 0, 0])).to_pylist() == ["d", "b", "b"]
    batch = pa.RecordBatch.from_arrays([values], names=["a"])
    assert take(batch, np.array([], np.int64)).num_rows == 0
    assert take(batch, np.array([3, 2])).to_pydict() == {"a": ["d", None]}


@pytest.mark.parametrize(("start", "length"), [(0, 4), (1, 2), (2, 2), (3, 1), (1, 0)])
def test_values_of_lists_are_those_of_a_slice_alone(start: int, length: int) -> None:
    lists = [[1, 2], [], [3], [4, 5, 6]]
    values: Any = pa.array(lists, pa.list_(pa.int32()))
    found = list_values(values[start : start + length])
    assert found.to_pylist() == [value for each in lists[start : start + length] for value in each]
