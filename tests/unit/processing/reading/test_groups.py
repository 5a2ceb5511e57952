"""Small files that one scan reads: the same rows, counts and rejected lines as of each file read for itself."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from unit.processing.jobs import Write, as_csv, as_jsonl, as_parquet, as_tsv, rejects, rows, run, table

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.reading import groups
from processing.reading.records import QuotedRecords
from processing.reading.schema import describe
from processing.reading.source import find

TABLE = table(90)
BROKEN = 'id,text,label\n91,"over\ntwo lines, a text",4\n92,too few\n\n94,"x"y,5\n95,no number,five\n'
FILES: dict[str, str | bytes] = {
    "a1.csv": as_csv(TABLE[:10]),
    # Blank lines at the end, and a line that cannot be parsed at the start of the next file.
    "a2.csv": as_csv(TABLE[10:20]) + "\n\n",
    "a3.csv": "id,text,label\n96,too few\n" + BROKEN.partition("\n")[2],
    # The open quote must not reach into the next file.
    "a4.csv": BROKEN + '97,"open,3',
    "a5.csv.gz": gzip.compress(as_csv(TABLE[20:30]).removesuffix("\r\n").encode()),
    "a6.csv": as_csv(TABLE[30:40]).encode("utf-16"),
    "a7.csv": "id,text,label\n",
    "b1.tsv": as_tsv(TABLE[40:50]).replace("\n", "\r\n"),
    "b2.tsv": as_tsv(TABLE[50:60]) + "98\ta\x00b \xe9\t7\n".encode("latin-1").decode("latin-1"),
    "b3.tsv": as_tsv(TABLE[60:70]).encode() + b"99\tnot UTF-8 \xff\t3\n",
    "c1.jsonl": as_jsonl(TABLE[70:80]) + '\n{"id": 100, "text": "", "label": 1}\nno json\n',
    "c2.jsonl": '{"id": "101", "text": "more keys", "label": 5, "more": 1}\n' + as_jsonl(TABLE[80:85]),
    "d1.parquet": as_parquet(TABLE[85:87]),
    "d2.parquet": as_parquet(TABLE[87:]),
}
OPTIONS: dict[str, Any] = {"columns": ("id",), "label_threshold": 3, "max_rejects": None, "min_tokens": 4}


@pytest.mark.parametrize("more", [{}, {"max_rows": 60, "conflicts": "list"}], ids=["one pass", "two passes"])
def test_files_in_one_scan_give_what_each_gives_for_itself(
    written: Write, tmp_path: Path, wordpiece: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    for name, content in FILES.items():
        written(f"in/{name}", content)
    options = {"input": str(tmp_path / "in"), "tokenizer": str(wordpiece), **OPTIONS, **more}
    found = []
    for most, base in ((1, tmp_path / "alone"), (groups.MOST_FILES, tmp_path / "grouped")):
        monkeypatch.setattr(groups, "MOST_FILES", most)
        report = run(base, **options)
        parts = [rows(base, split) for split in ("train", "validation", "test")]
        # DuckDB names the column of a quote that is open at the end of a file; the scan of a group does not.
        listed = [{**line, "column": None} if "quotes" in line["reason"] else line for line in rejects(base)]
        found.append((report["rows"], report["files"], parts, listed))
    assert found[0] == found[1]
    counted = found[1][0]
    assert counted["read"] == counted["kept"] + sum(counted["filtered"].values()) + sum(counted["rejected"].values())
    # Rows that are not of the table: 5 in a3, 5 in a4, one each in b2 and b3, 2 in c1, 1 in c2.
    assert counted["read"] == len(TABLE) + 15


@pytest.mark.parametrize("names", ["abc", "bac", "cab"])
@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
@pytest.mark.parametrize(
    ("values", "expected"), [([["x"], ["y"]], {"None", "['x']", "['y']"}), ([7, 8], {"None", "7", "8"})]
)
def test_a_column_without_values_has_the_type_of_other_files(
    tmp_path: Path, wordpiece: Path, names: str, suffix: str, values: list[Any], expected: set[str]
) -> None:
    """Its rows are kept with NULL, wherever the file stands among the others; a column without any value is text."""
    (tmp_path / "in").mkdir()
    for name, note in zip(names, (pa.nulls(2), pa.array(values), pa.nulls(2)), strict=True):
        columns = {"text": ["good", "bad"], "label": [0, 1], "note": note, "none": pa.nulls(2)}
        write_table(tmp_path / "in" / f"{name}.{suffix}", pa.table(columns))
    options = {"input": str(tmp_path / "in"), "tokenizer": str(wordpiece), "train_ratio": 1.0}
    report = run(tmp_path, columns=("note", "none"), **options)
    assert report["rows"]["kept"] == 6
    found = rows(tmp_path, "train", ("note", "none"))
    assert ({note for note, _ in found}, {none for _, none in found}) == (expected, {"None"})


def write_table(path: Path, columns: pa.Table) -> None:
    if path.suffix == ".parquet":
        pq.write_table(columns, path)
        return
    with pa.ipc.new_stream(str(path), columns.schema) as stream:
        stream.write_table(columns)


def test_a_group_has_the_same_format_columns_and_place(written: Write, tmp_path: Path) -> None:
    for name in ("1.tsv", "2.tsv", "3.tsv", "6.tsv", "x=1/4.tsv", "x=1/5.csv"):
        mark = "," if name.endswith("csv") else "\t"
        written(f"a/{name}", "b\n" if name == "6.tsv" else "\n".join([mark.join("ba" if name > "3" else "ab")] * 2))
    files, _ = find(str(tmp_path / "a"))
    grouped = groups.grouped(((file, describe(duckdb.connect(), file)) for file in files), ProcessingOptions())
    assert [[member.name for member in file.members] for file, _ in grouped] == [
        ["1.tsv", "2.tsv"],
        ["3.tsv"],
        ["6.tsv"],
        ["x=1/4.tsv"],
        ["x=1/5.csv"],
    ]


def test_a_line_that_reaches_into_the_next_file_ends_the_job(
    written: Write, tmp_path: Path, wordpiece: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the database ever read a quote on where the scan of the content does not."""
    monkeypatch.setattr(QuotedRecords, "_is_confined", lambda *_: True)
    broken = 'text,label\nthe film,4\n"He said" hi, "x,3\nthe film,2\n'
    options = {"tokenizer": str(wordpiece), "label_threshold": 3, "max_rejects": None}
    for name in ("1.csv", "2.csv"):
        written(f"in/{name}", broken)
    with pytest.raises(UserError, match=r"^input file 1.csv or one of the next 1 has other records than were read"):
        run(tmp_path, input=str(tmp_path / "in"), **options)


ROW = "a,the hello film,4\n"


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\r\n\r\n"])
@pytest.mark.parametrize("broken", ['L,""a,""b', 'L,a,""b"",""c', '"q"uote,3', '"a "b" c",1', 'L,""good, film"",4'])
def test_a_broken_last_line_is_rejected_alone(
    written: Write, tmp_path: Path, wordpiece: Path, broken: str, end: str
) -> None:
    """The database reads some of them on into what follows."""
    for name in ("0.csv", "1.csv", "2.csv"):
        last = broken + end if name == "1.csv" else '"d","good, the film, old",5\n'
        written(f"in/{name}", f"id,text,label\n{ROW}{last}")
    report = run(tmp_path, input=str(tmp_path / "in"), tokenizer=str(wordpiece), label_threshold=3, max_rejects=None)
    counts = [(file["read"], file["kept"], sum(file["rejected"].values())) for file in report["files"]]
    assert counts == [(2, 2, 0), (2, 1, 1), (2, 2, 0)]
    assert [(line["file"], line["line"], line["value"]) for line in rejects(tmp_path)] == [("1.csv", 3, broken)]


def test_a_line_of_one_character_has_its_own_number(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    for name in ("1.csv", "2.csv"):
        written(f"in/{name}", "text,label\nthe film,4\n\nx\nthe film,2\ny")
    run(tmp_path, input=str(tmp_path / "in"), tokenizer=str(wordpiece), label_threshold=3, max_rejects=None)
    found = [(line["file"], line["line"], line["value"]) for line in rejects(tmp_path)]
    assert found == [(name, *line) for name in ("1.csv", "2.csv") for line in ((4, "x"), (6, "y"))]
