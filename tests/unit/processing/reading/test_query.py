"""The columns of the query; its rows are tested by whole jobs in test_job.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.reading.query import text_columns, usable
from processing.reading.source import SourceFile

FILE = SourceFile(Path("/data/rows.tsv"), "rows.tsv", "tsv")
COLUMNS = dict.fromkeys(("id", "review_body", "text", "star_rating", "label"), "VARCHAR")


def options(**values: Any) -> ProcessingOptions:
    return ProcessingOptions(**values)


def test_only_the_columns_that_the_users_sql_names_are_read() -> None:
    given = options(where="STARS > 3", positive_where="\"a b\" = 'x'")
    assert usable(FILE, {"stars": "VARCHAR", "a b": "VARCHAR", "text": "VARCHAR"}, given) == [
        '"stars" AS "stars"',
        '"a b" AS "a b"',
    ]
    assert usable(FILE, {"stars": "VARCHAR"}, options()) == []


def test_a_name_of_the_querys_own_is_refused_in_sql_only() -> None:
    columns = {"HF_file": "VARCHAR", "text": "VARCHAR"}
    assert usable(FILE, columns, options(where="text <> 'x'")) == ['"text" AS "text"']
    words = r"^input file rows.tsv has the column HF_file, and names that begin with hf_ are .* in --where$"
    with pytest.raises(UserError, match=words):
        usable(FILE, columns, options(where="hf_file = 'a'"))


def test_columns_of_parquet_are_text_by_their_type() -> None:
    types = {"stars": "INTEGER", "text": "VARCHAR"}
    assert text_columns(FILE, types) == {"stars", "text"}
    assert text_columns(SourceFile(Path("/a.parquet"), "a.parquet", "parquet"), types) == {"text"}
