from __future__ import annotations

import duckdb
import pytest

from processing.sql import identifier, literal

ODD = ["plain", "it's", 'a "quoted" name', "'; DROP TABLE x; --", "line\nbreak", "\u00e9\u4e2d"]


@pytest.mark.parametrize("text", ODD)
def test_a_value_is_read_back_as_it_was(text: str) -> None:
    assert duckdb.execute(f"SELECT {literal(text)}").fetchone() == (text,)


@pytest.mark.parametrize("text", ODD)
def test_a_name_is_that_of_the_column(text: str) -> None:
    assert duckdb.sql(f"SELECT 1 AS {identifier(text)}").columns == [text]
