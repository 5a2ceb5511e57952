"""The same rows from every kind of file, and every row accounted for."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unit.processing.jobs import Write, as_csv, as_jsonl, as_parquet, as_tsv, rejects, rows, run, table

from contract.failures import UserError

TABLE = table(60)
COLUMNS = ("id", "text", "labels")


def read(base: Path, path: Path, wordpiece: Path, **options: Any) -> list[tuple[Any, ...]]:
    run(base, input=str(path), tokenizer=str(wordpiece), train_ratio=1.0, label_threshold=3, min_chars=0,
        columns=("id", "text"), **options)  # fmt: skip
    return rows(base, "train", COLUMNS)


def expected(data: list[list[str]] = TABLE) -> list[tuple[Any, ...]]:
    return [(i, text, str(int(int(label) >= 3))) for i, text, label in data]


def written_as(delimiter: str = ",", **settings: Any) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n", **settings).writerows([["id", "text", "label"], *TABLE])
    return text.getvalue()


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("rows.csv", content)
    return buffer.getvalue()


CSV, TSV, JSONL = as_csv(TABLE).encode(), as_tsv(TABLE).encode(), as_jsonl(TABLE)
OBJECTS = [json.loads(line) for line in JSONL.splitlines()]
FILES: dict[str, tuple[bytes, dict[str, Any]]] = {
    "a.csv": (CSV, {}),
    "a.csv.gz": (gzip.compress(CSV), {}),
    "a.tsv.bz2": (bz2.compress(TSV), {}),
    "a.jsonl.xz": (lzma.compress(JSONL.encode()), {}),
    "a.zip": (zipped(CSV), {}),
    "semicolons.csv": (written_as(";").encode(), {}),
    "excel.csv": (b"sep=|\n" + written_as("|").encode(), {}),
    "tabs.txt": (written_as("\t").encode(), {}),
    "quoted.tsv": (written_as("\t").encode(), {}),
    "escaped.csv": (written_as(doublequote=False, escapechar="\\").encode(), {"escape": "\\"}),
    "other_quotes.csv": (written_as(quotechar="'").encode(), {"quote": "'"}),
    "utf16.csv": (CSV.decode().encode("utf-16"), {}),
    "latin.csv": (CSV.decode().encode("latin-1"), {"encoding": "latin-1"}),
    "carriage_returns.tsv": (TSV.replace(b"\n", b"\r"), {}),
    "headless.csv": (CSV.split(b"\n", 1)[1], {"no_header": True, "column_names": ("id", "text", "label")}),
    "pretty.json": (json.dumps(OBJECTS, indent=2).encode(), {}),
    "wrapped.json": (json.dumps({"version": 1, "data": OBJECTS}).encode(), {}),
    "augmented.manifest": (JSONL.encode(), {}),
}


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_has_the_same_rows(written: Write, tmp_path: Path, wordpiece: Path, name: str) -> None:
    content, options = FILES[name]
    assert read(tmp_path, written(f"in/{name}", content), wordpiece, **options) == expected()


def test_long_fields_and_reviews_over_many_lines_are_read(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    data = [["1", "word " * 60_000 + "x", "5"], ["2", 'a "quoted"\n\nreview, 5\nover lines,1\n', "1"], ["3", "b", "3"]]
    assert read(tmp_path, written("a.csv", as_csv(data)), wordpiece) == expected(data)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_stray_quote_ends_the_job_or_costs_its_line(
    written: Write, tmp_path: Path, wordpiece: Path, name: str
) -> None:
    lines = CSV.split(b"\r\n")
    content = b"\r\n".join([*lines[:20], b'7,"a stray quote,1', *lines[20:]])
    path = written(name, gzip.compress(content) if name.endswith(".gz") else content)
    number = content.split(b'7,"a stray')[0].count(b"\n") + 1
    with pytest.raises(UserError, match=f"^input file {name} has a quote in line {number} that does not close"):
        read(tmp_path / "fails", path, wordpiece)
    assert not list((tmp_path / "fails").rglob("card.json"))
    assert read(tmp_path, path, wordpiece, stray_quotes="reject") == expected()
    assert [(reject["line"], reject["reason"], reject["value"]) for reject in rejects(tmp_path)] == [
        (number, "quotes do not match", '7,"a stray quote,1')
    ]


def test_a_flipped_bit_never_gives_other_texts(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    pick = random.Random(4)
    packed = gzip.compress(TSV, mtime=0)
    for number in range(6):
        damaged = bytearray(packed)
        damaged[pick.randrange(20, len(packed))] ^= 1 << pick.randrange(8)
        path = written("a.tsv.gz", bytes(damaged))
        with pytest.raises(UserError, match=r"^input file a.tsv.gz "):
            read(tmp_path / str(number), path, wordpiece)


def test_two_passes_read_a_pipe_twice(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    path = written("a.csv.gz", gzip.compress(CSV))
    assert len(read(tmp_path, path, wordpiece, max_rows=20, drop_duplicates=True)) == 20


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("name", ["x[1]", "x*", "x?", "[x]", "**", "x\\1", "x\\[1]", "x{1}", "~x", "'x"])
def test_a_name_is_no_pattern(written: Write, tmp_path: Path, wordpiece: Path, name: str, kind: str) -> None:
    makers: dict[str, Callable[[list[list[str]]], str | bytes]] = {
        "csv": as_csv,
        "jsonl": as_jsonl,
        "parquet": as_parquet,
    }
    make = makers[kind]
    for other in ("x1", "xa", "x"):
        written(f"in/{other}.{kind}", make([[f"of {other}", "the good film", "1"]]))
    path = written(f"in/{name}.{kind}", make(TABLE))
    assert read(tmp_path / "alone", path, wordpiece) == expected()
    found = read(tmp_path / "all", path.parent, wordpiece)
    assert sorted(found) == sorted(
        [*expected(), *((f"of {other}", "the good film", "0") for other in ("x", "x1", "xa"))]
    )


def test_a_folder_is_no_pattern(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    written("in1/a.csv", as_csv(TABLE[:1]))
    folder = written("in[1]/a.csv", CSV).parent
    assert read(tmp_path / "whole", folder, wordpiece) == expected()
    assert read(tmp_path / "glob", folder, wordpiece, file_name="*.csv") == expected()
