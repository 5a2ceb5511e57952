"""Errors for files that cannot be read; rows are tested by whole jobs in test_job.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contract.failures import UserError
from processing.reading.schema import describe
from processing.reading.source import SourceFile


def test_the_columns_of_a_parquet_file_have_their_types(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"], "stars": pa.array([1], pa.int32())}), tmp_path / "rows.parquet")
    file = SourceFile(tmp_path / "rows.parquet", "rows.parquet", "parquet")
    assert describe(duckdb.connect(), file) == {"text": "VARCHAR", "stars": "INTEGER"}


def test_a_broken_parquet_file_is_named(written: Callable[[str, str], Path]) -> None:
    file = SourceFile(written("rows.parquet", "no parquet"), "rows.parquet", "parquet")
    with pytest.raises(UserError, match="^input file rows.parquet cannot be read: "):
        describe(duckdb.connect(), file)
