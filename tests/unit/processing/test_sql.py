from __future__ import annotations

import duckdb
import pytest

from processing.sql import identifier, literal

ODD = ["plain", "it's", 'a "quoted" name', "'; DROP TABLE x; --", "line\nbreak", "\u00e9\u4e2d"]


@pytest.mark.parametrize("text", ODD)
def test_a_literal_round_trips(text: str) -> None:
    assert duckdb.execute(f"SELECT {literal(text)}").fetchone() == (text,)


@pytest.mark.parametrize("text", ODD)
def test_an_identifier_names_the_column(text: str) -> None:
    assert duckdb.sql(f"SELECT 1 AS {identifier(text)}").columns == [text]
