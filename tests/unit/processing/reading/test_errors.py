"""Errors of DuckDB in words, without values of the data."""

from __future__ import annotations

import duckdb
import pytest

from processing.reading.errors import hint, without_values

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


def test_text_that_is_used_as_a_number_gets_a_hint() -> None:
    with pytest.raises(duckdb.BinderException) as caught:
        duckdb.sql("SELECT stars * 2 FROM (SELECT '1' AS stars)")
    assert "TRY_CAST(column AS DOUBLE)" in hint(caught.value)
    with pytest.raises(duckdb.BinderException) as caught:
        duckdb.sql("SELECT missing FROM (SELECT 1 AS there)")
    assert hint(caught.value) == ""
