"""The columns of a scan."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from processing.reading.scan import rows, value
from processing.reading.source import SourceFile


@pytest.mark.parametrize("name", ["text", 'a "b"', "a.b", "back\\slash", "it's", "$"])
def test_a_key_of_json_may_have_any_name(written: Callable[[str, str], Path], name: str) -> None:
    file = SourceFile(written("rows.jsonl", json.dumps({name: "found"}) + "\n"), "rows.jsonl", "jsonl")
    query = f"SELECT {value(file, name)} FROM {rows(file, {name: 'VARCHAR'})}"
    assert duckdb.connect().execute(query).fetchall() == [("found",)]
