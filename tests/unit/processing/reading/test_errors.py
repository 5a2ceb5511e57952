"""No error shows a value of the data."""

from __future__ import annotations

import gzip
import io
import json
import logging
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from unit.processing.jobs import Write, run

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.reading.errors import explained, hint, without_values
from processing.reading.source import SourceFile

MARK = "zanzibar"
FILE = SourceFile(Path("a.csv"), "a.csv", "csv")
TEXT = f"it's a '{MARK}'\n\"{MARK}\" {MARK}"


def parquet(column: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"text": column, "label": [1, 0]}), buffer)
    return buffer.getvalue()


def invalid_utf8() -> bytes:
    bad = pa.array([f"{MARK} \ud800".encode("utf-8", "surrogatepass"), b"b"], pa.binary())
    return parquet(pa.Array.from_buffers(pa.string(), 2, bad.buffers()))


ROWS = "".join(json.dumps({"text": f"{MARK} {n}", "label": f"{MARK}{n % 2}"}) + "\n" for n in range(9))
FAILING: dict[str, tuple[str, str | bytes, dict[str, Any]]] = {
    "no header": ("a.csv", f"{MARK},1\n{MARK} x,0\n", {}),
    "no header, twice": ("a.csv", f"{MARK},{MARK}\n", {}),
    "stray quote": ("a.csv", f'text,label\n"{MARK},1\na,0\nb,1\n', {}),
    "encoding": ("a.csv", f"text,label\n{MARK} \u00e9\u00e8\u00ea,1\n".encode("latin-1"), {}),
    "other encoding": ("a.csv", f"text,label\n{MARK} \u00e9,1\n".encode(), {"encoding": "ascii"}),
    "cast": ("a.jsonl", ROWS, {"where": "CAST(text AS INTEGER) > 1"}),
    "cast to a date": ("a.jsonl", ROWS, {"where": "CAST(text AS DATE) > DATE '2020-01-01'"}),
    "error": ("a.jsonl", ROWS, {"where": "error(text)"}),
    "regular expression": ("a.jsonl", ROWS, {"where": "regexp_matches('a', '(' || text)"}),
    "unknown column": ("a.csv", f"{MARK},text,label\n1,2,3\n", {"where": "zanziba = 1"}),
    "unknown label": ("a.jsonl", ROWS, {"label_map": {"a": 0, "b": 1}}),
    "threshold": ("a.jsonl", ROWS, {"label_threshold": 1}),
    "json document": ("a.json", f'[{{"text": "{MARK}"}},\n{{"{MARK}": }}]', {}),
    "invalid parquet": ("a.parquet", invalid_utf8(), {"label_threshold": 1}),
    "damaged parquet": ("a.parquet", parquet([MARK, "b"])[:-30], {}),
    "truncated gzip": ("a.jsonl.gz", gzip.compress(ROWS.encode())[:-9], {"label_threshold": 1}),
    "delimiter": ("a.csv", f"text;label\n{MARK};1\n", {"delimiter": "|"}),
    "column names": ("a.csv", f"{MARK},1\n", {"column_names": ("a", "b", "c")}),
    "too many rejects": ("a.csv", f"text,label\n{MARK}\n{MARK},1,2\nx,1\n", {"label_threshold": 1}),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_failing_job_shows_no_text_of_the_data(
    written: Write, tmp_path: Path, wordpiece: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    file, content, options = FAILING[name]
    with caplog.at_level(logging.DEBUG), pytest.raises(UserError) as caught:
        run(tmp_path / "job", input=str(written(file, content)), tokenizer=str(wordpiece), **options)
    shown = f"{caught.value} {caplog.text}"
    assert MARK not in shown
    assert "\n" not in str(caught.value)


def test_an_error_about_data_does_not_quote_values() -> None:
    with pytest.raises(duckdb.ConversionException) as caught:
        duckdb.execute("SELECT CAST(? AS INTEGER)", [TEXT]).fetchall()
    assert MARK in str(caught.value)
    assert without_values(caught.value).startswith("Conversion Error: Could not convert string '...'")
    assert MARK not in without_values(caught.value)


@pytest.mark.parametrize("error", [OSError(f"IO Error: {MARK}"), pa.ArrowInvalid(MARK)])
def test_errors_of_the_stream_are_about_the_file(error: Exception) -> None:
    told = str(explained(error, FILE.name, ProcessingOptions(where="x")))
    told_cause = f"it is damaged, or of another format than its name says ({type(error).__name__})"
    assert told == f"input file a.csv cannot be read: {told_cause}"


@pytest.mark.parametrize("error", [OSError(f"Invalid Input Error: {MARK}"), duckdb.InvalidInputException(MARK)])
def test_errors_of_the_stream_may_be_about_sql(error: Exception) -> None:
    told = str(explained(error, FILE.name, ProcessingOptions(where="x")))
    expected = "input file a.csv cannot be read, or option --where is 'x', which fails on a row of it "
    assert told == f"{expected}({type(error).__name__})"
    assert "it is damaged" in str(explained(error, FILE.name, ProcessingOptions()))


def test_an_error_of_memory_names_the_option() -> None:
    error = OSError("Out of Memory Error: failed to allocate")
    assert "expected a larger --memory-limit" in str(explained(error, FILE.name, ProcessingOptions()))


def test_an_error_about_the_query_is_unchanged() -> None:
    with pytest.raises(duckdb.BinderException) as caught:
        duckdb.sql("SELECT missing FROM (SELECT 1 AS there)")
    assert without_values(caught.value).startswith('Binder Error: Referenced column "missing" not found')


def test_text_that_is_used_as_a_number_gets_a_hint() -> None:
    with pytest.raises(duckdb.BinderException) as caught:
        duckdb.sql("SELECT stars * 2 FROM (SELECT '1' AS stars)")
    assert "TRY_CAST(column AS DOUBLE)" in hint(caught.value)
    with pytest.raises(duckdb.BinderException) as caught:
        duckdb.sql("SELECT count(*) FROM (SELECT 1 AS there) WHERE count(*) > 1")
    assert hint(caught.value) == ""


def test_a_column_that_is_not_there_gets_a_hint() -> None:
    with pytest.raises(duckdb.BinderException) as caught:
        duckdb.sql("""SELECT stars FROM (SELECT 1 AS " stars")""")
    assert "in double quotes if it has spaces" in hint(caught.value)
