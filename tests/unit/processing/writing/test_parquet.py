"""Parquet splits can be loaded by datasets, with class names."""

from __future__ import annotations

from pathlib import Path

import datasets
import pyarrow as pa
import pytest

from processing.writing.parquet import ParquetSplitWriter
from processing.writing.writer import schema

SCHEMA = schema([pa.field("id", pa.string())])


def batch(first: int, count: int) -> pa.RecordBatch:
    rows = [
        {"input_ids": list(range(n % 5)), "labels": n % 2, "length": n % 5, "id": str(n)}
        for n in range(first, first + count)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")  # Warning of fsspec, which datasets uses.
def test_loads_in_order_with_its_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processing.writing.parquet.ROW_GROUP_BYTES", 1)
    writer = ParquetSplitWriter(tmp_path / "a", SCHEMA, ("bad", "good"), shard_bytes=2000)
    for first in range(0, 100, 10):
        writer.write(batch(first, 10))
    assert not list((tmp_path / "a").glob("*.parquet"))
    writer.finish("train", ("bad", "good"))
    files = sorted(map(str, (tmp_path / "a").glob("*.parquet")))
    assert len(files) > 1 and f"train-00000-of-{len(files):05d}" in files[0]
    loaded = datasets.Dataset.from_parquet(files, cache_dir=str(tmp_path / "cache"))
    assert loaded["id"][:] == [str(n) for n in range(100)]
    assert loaded["input_ids"][7] == [0, 1]
    assert loaded.features["labels"].names == ["bad", "good"]
    assert writer.rows == 100


def test_classes_without_names_are_numbers(tmp_path: Path) -> None:
    writer = ParquetSplitWriter(tmp_path / "a", SCHEMA, None)
    writer.write(batch(0, 4))
    writer.finish("test", ("0", "1"))
    (file,) = (tmp_path / "a").iterdir()
    loaded = datasets.Dataset.from_parquet(str(file), cache_dir=str(tmp_path / "cache"))
    assert loaded.features["labels"] == datasets.Value("int64")
    assert loaded["labels"][:] == [0, 1, 0, 1]
