"""Broken lines as they are found, and as whole jobs account for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unit.processing.jobs import Write, as_csv, as_jsonl, as_tsv, everything, rejects, rows, run, table

from contract.failures import UserError
from processing.reading.database import connected
from processing.reading.lines import MAX_LINE_BYTES
from processing.reading.rejects import Reject, RejectsFile, broken_lines
from processing.reading.scan import scan
from processing.reading.source import SourceFile


def test_each_broken_line_is_returned_once(written: Write, tmp_path: Path) -> None:
    content = b"a\tb\n1\tone\n2\n3\tthree\tmore\tand more\n4\t\xff\n5\tfive\n"
    file = SourceFile(written("rows.tsv", content), "rows.tsv", "tsv")
    with connected([file.path], tmp_path / "spill", 200_000_000, 1) as connection:
        query = f"SELECT * FROM {scan(file, {'a': 'VARCHAR', 'b': 'VARCHAR'})}"
        assert connection.execute(query).fetchall() == [("1", "one"), ("5", "five")]
        found = broken_lines(connection)
        assert broken_lines(connection) == []
    assert [line.reason for line in found] == ["too few columns", "too many columns", "not UTF-8"]
    assert [line.byte for line in found] == [content.index(start) for start in (b"2\n", b"3\tt", b"4\t")]
    assert found[1].value == "3\tthree\tmore\tand more"


def test_a_scan_without_broken_lines_has_none(tmp_path: Path) -> None:
    with connected([], tmp_path / "spill", 200_000_000, 1) as connection:
        assert broken_lines(connection) == []


def test_rejects_are_lines_of_json_and_the_first_is_kept(tmp_path: Path) -> None:
    rejects = [Reject("a.tsv", 3, "stars", "no label", "\u00e9"), Reject("a.tsv", 4, None, "too few columns", None)]
    with RejectsFile(tmp_path / "report") as file:
        file.write(iter(rejects[:1]))
        file.write(iter(rejects[1:]))
    assert (file.listed, file.first) == (2, rejects[0])
    lines = (tmp_path / "report" / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"file": "a.tsv", "line": 3, "column": "stars", "reason": "no label", "value": "\u00e9"},
        {"file": "a.tsv", "line": 4, "column": None, "reason": "too few columns", "value": None},
    ]
    assert "\u00e9" in lines[0]


DIRTY_TSV = b"""\xef\xbb\xbfid|text|label|votes
1|good "film|5|10
2|short

3|too|3|1|1
4|bad \xff|4|1
5|no label||1
6|odd label|abc|1
7| \xc2\xa0 |3|1
8|x|3|1
9|few votes|1|2
10|long enough text|1|""".replace(b"|", b"\t").replace(b"\n", b"\r\n")


def test_every_row_is_accounted_for_with_its_line(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    path = written("dirty.tsv", DIRTY_TSV)
    report = run(
        tmp_path, input=str(path), tokenizer=str(wordpiece), label_threshold=3, train_ratio=1.0, min_chars=2,
        where="votes <> 2 OR votes IS NULL", columns=("id",), max_rejects=None,
    )  # fmt: skip
    counts = report["rows"]
    assert counts["rejected"] == {
        "too few columns": 1, "too many columns": 1, "not UTF-8": 1, "no label": 1, "label not understood": 1,
    }  # fmt: skip
    assert counts["filtered"] == {"empty text": 1, "shorter than min_chars": 1, "where": 1}
    assert (counts["read"], counts["kept"], report["files"][0]["read"]) == (10, 2, 10)
    assert [row[0] for row in rows(tmp_path, "train")] == ["1", "10"]
    found = {(reject["line"], reject["column"], reject["reason"]) for reject in rejects(tmp_path)}
    assert found == {
        (3, "label", "too few columns"),
        (5, None, "too many columns"),
        (6, "text", "not UTF-8"),
        (7, "label", "no label"),
        (8, "label", "label not understood"),
    }


def test_broken_json_lines_are_rejected_by_line(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    good = [json.dumps({"text": f"row {n}", "label": n % 2}) for n in range(20)]
    lines = [
        *good,
        '{"text": "bro',
        "",
        "[1]",
        '{"text": "no label"}',
        '{"text": null, "label": 1}',
        '{"text": 7, "label": 0}',
    ]
    path = written("a.jsonl", "\n".join(lines))
    report = run(tmp_path, input=str(path), tokenizer=str(wordpiece), train_ratio=1.0, max_rejects=None)
    assert (report["rows"]["read"], report["rows"]["kept"]) == (25, 21)
    assert [(reject["line"], reject["reason"], reject["value"]) for reject in rejects(tmp_path)] == [
        (21, "not a JSON object", '{"text": "bro'),
        (23, "not a JSON object", "[1]"),
        (24, "no label", None),
    ]
    assert report["labels"]["train"] == {"0": 11, "1": 10}


def test_max_rejects_fails_the_job_and_names_one(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    path = written("a.tsv", as_tsv([*table(98), ["a", "b"], ["c", "d", ""]]))
    options = {"input": str(path), "tokenizer": str(wordpiece), "label_threshold": 3}
    with pytest.raises(UserError, match=r"2 of 100 rows .*--max-rejects 0.01: .*line 100 of a.tsv .too few columns"):
        run(tmp_path / "base", max_rejects=0.01, **options)
    assert not [path for path in tmp_path.glob("base/**/*") if path.is_file()]
    assert run(tmp_path / "base", max_rejects=0.02, **options)["rows"]["kept"] == 98


@pytest.mark.parametrize("share", [0.2, 2.5])
@pytest.mark.parametrize(("name", "written_as"), [("a.tsv", as_tsv), ("a.csv", as_csv), ("a.jsonl", as_jsonl)])
def test_a_line_beyond_the_longest_is_rejected_and_the_next_is_read(
    written: Write, tmp_path: Path, wordpiece: Path, share: float, name: str, written_as: Callable[..., str]
) -> None:
    """Also lines of more than two buffers of the database, which loses them; at the end of the file too."""
    data = table(60)
    for row in (30, 59):
        data[row][1] = "long " * int(MAX_LINE_BYTES * (share + 0.85) / 5)
    data[40][1] = "film " * (MAX_LINE_BYTES // 10)
    lines = written_as(data).splitlines(keepends=True)
    header = len(lines) - len(data)
    lines.insert(50 + header, "broken\n")
    options: dict[str, Any] = {"label_threshold": 3, "columns": ("id",), "max_rejects": None}
    report = run(tmp_path, input=str(written(name, "".join(lines))), tokenizer=str(wordpiece), **options)
    broken = "too few columns" if header else "not a JSON object"
    assert report["rows"]["rejected"] == {"line of more than 8 MiB": 2, broken: 1}
    kept = {row[0] for found in everything(tmp_path).values() for row in found}
    assert kept == {str(n) for n in range(59) if n != 30}
    assert sorted(reject["line"] for reject in rejects(tmp_path)) == [31 + header, 51 + header, 61 + header]
