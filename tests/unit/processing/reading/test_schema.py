"""Columns and their types from the first rows."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contract.failures import UserError
from processing.reading.input_paths import Listed
from processing.reading.schema import columns, describe
from processing.reading.source import SourceFile, source_file

Write = Callable[[str, str | bytes], Path]


def source(path: Path) -> SourceFile:
    file = source_file(Listed(path.name, False, True), str(path.parent))
    assert file is not None
    return file


def test_reads_a_header_with_byte_order_mark(written: Write) -> None:
    path = written("a.csv", '\ufeffid,text,score,x\r\n1,"a, b",1.5,\r\n2,c,2,\r\n')
    assert columns(source(path)) == dict.fromkeys(("id", "text", "score", "x"), "VARCHAR")


def test_a_quote_in_tsv_is_data(written: Write) -> None:
    path = written("a.tsv", 'text\tn\n"open\t1\nb\t2\n')
    assert columns(source(path)) == {"text": "VARCHAR", "n": "VARCHAR"}


def test_json_lines_give_the_union_of_their_keys(written: Write) -> None:
    path = written("a.jsonl", '{"a": 1, "b": true}\nbroken\n{"a": [2.5], "c": null}\n[1]\n')
    assert columns(source(path)) == {"a": "JSON[]", "b": "VARCHAR", "c": "VARCHAR"}


def test_compressed_files_read_the_same(written: Write) -> None:
    plain = b"text\tlabel\na\t1\n"
    gz = written("a.tsv.gz", gzip.compress(plain))
    zst = written("b.tsv.zst", pa.compress(plain, "zstd", asbytes=True))
    assert columns(source(gz)) == columns(source(zst)) == {"text": "VARCHAR", "label": "VARCHAR"}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"Text,text\n", r"twice, regardless of case \(columns 1 and 2\)"),
        ("a.csv.gz", b"no gzip", "cannot be read"),
        ("a.csv.gz", gzip.compress(b"text,label\n" * 9000, mtime=0)[:60], "cannot be read"),
        ("a.csv.zst", b"no zstd", "cannot be read"),
    ],
)
def test_files_without_a_header_are_refused(written: Write, name: str, content: bytes, words: str) -> None:
    with pytest.raises(UserError, match=words):
        columns(source(written(name, content)))


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
@pytest.mark.parametrize("names", [["text", "label", "text"], ["Text", "label", "text"]])
def test_two_columns_of_the_same_name_are_refused(tmp_path: Path, suffix: str, names: list[str]) -> None:
    path = tmp_path / f"a.{suffix}"
    table = pa.Table.from_arrays([pa.array([value]) for value in "a0b"], names=names)
    if suffix == "parquet":
        pq.write_table(table, path)
    else:
        with pa.ipc.new_stream(str(path), table.schema) as stream:
            stream.write_table(table)
    expected = rf"input file a\.{suffix} has the same column name twice, regardless of case \(columns 1 and 3\)"
    with duckdb.connect() as connection, pytest.raises(UserError, match=expected):
        describe(connection, source(path))
