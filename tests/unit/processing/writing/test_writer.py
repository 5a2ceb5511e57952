"""Splits of SplitWriter can be loaded by datasets.load_from_disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest

from contract.failures import UserError
from processing.writing.writer import SplitWriter, schema

KEPT: list[pa.Field] = [
    pa.field("id", pa.string()),
    pa.field("votes", pa.int64()),
    pa.field("score", pa.float64()),
    pa.field("day", pa.date32()),
    pa.field("at", pa.timestamp("us")),
    pa.field("ok", pa.bool_()),
    pa.field("tags", pa.list_(pa.string())),
]


def batch(first: int, count: int) -> pa.RecordBatch:
    rows = [row(number) for number in range(first, first + count)]
    return pa.RecordBatch.from_pylist(rows, schema=schema(KEPT))


def row(n: int) -> dict[str, Any]:
    tokens = {"input_ids": list(range(n % 5)), "labels": n % 2, "length": n % 5}
    return tokens | {"id": str(n), "votes": n, "score": n / 2, "ok": n % 3 == 0, "tags": ["a", str(n)]}


def test_loads_in_order_with_its_features(tmp_path: Path) -> None:
    writer = SplitWriter(tmp_path, schema(KEPT), shard_bytes=500)
    for first in range(0, 100, 10):
        writer.write(batch(first, 10))
    writer.finish("train", ("bad", "good"))
    loaded = datasets.load_from_disk(str(tmp_path))
    assert loaded.num_rows == writer.rows == 100
    assert len(list(tmp_path.glob("data-*-of-*.arrow"))) > 3
    assert loaded["votes"][:] == list(range(100))
    assert loaded[7]["input_ids"] == [0, 1]
    assert loaded.features["labels"].names == ["bad", "good"]
    assert str(loaded.features["input_ids"].feature.dtype) == "int32"
    assert (loaded.features["score"].dtype, loaded.features["at"].dtype) == ("float64", "timestamp[us]")
    assert str(loaded.split) == "train"


def test_an_empty_split_loads(tmp_path: Path) -> None:
    SplitWriter(tmp_path, schema([])).finish("test", ("bad", "good"))
    assert datasets.load_from_disk(str(tmp_path)).num_rows == 0


def test_the_fingerprint_is_that_of_the_content(tmp_path: Path) -> None:
    for name, first in (("a", 0), ("b", 0), ("c", 3)):
        writer = SplitWriter(tmp_path / name, schema(KEPT))
        writer.write(batch(first, 10))
        writer.finish("train", ("bad", "good"))
    states = [(tmp_path / name / "state.json").read_text() for name in "abc"]
    assert states[0] == states[1] != states[2]


def test_a_column_of_a_nested_type_is_refused() -> None:
    with pytest.raises(UserError, match="--columns names place"):
        schema([pa.field("place", pa.struct([pa.field("x", pa.int64())]))])
