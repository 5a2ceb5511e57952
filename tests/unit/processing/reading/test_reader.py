"""Errors for files that cannot be read; rows are tested by whole jobs in test_job.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contract.failures import UserError
from processing.reading.reader import describe, without_values
from processing.reading.source import SourceFile

SECRET = "it's a 'private'\nreview"


def test_an_error_about_data_does_not_quote_values() -> None:
    with pytest.raises(duckdb.ConversionException) as caught:
        duckdb.execute("SELECT CAST(? AS INTEGER)", [SECRET]).fetchall()
    assert "private" in str(caught.value)
    told = without_values(caught.value)
    assert "private" not in told
    assert told.startswith("Conversion Error: Could not convert string '...'")


def test_an_error_about_the_query_is_unchanged() -> None:
    with pytest.raises(duckdb.BinderException) as caught:
        duckdb.sql("SELECT missing FROM (SELECT 1 AS there)")
    assert without_values(caught.value).startswith('Binder Error: Referenced column "missing" not found')


def test_the_columns_of_a_parquet_file_have_their_types(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"], "stars": pa.array([1], pa.int32())}), tmp_path / "rows.parquet")
    file = SourceFile(tmp_path / "rows.parquet", "rows.parquet", "parquet")
    assert describe(duckdb.connect(), file) == {"text": "VARCHAR", "stars": "INTEGER"}


def test_a_broken_parquet_file_is_named(written: Callable[[str, str], Path]) -> None:
    file = SourceFile(written("rows.parquet", "no parquet"), "rows.parquet", "parquet")
    with pytest.raises(UserError, match="^input file rows.parquet cannot be read: "):
        describe(duckdb.connect(), file)
