from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from processing.reading.database import connected
from processing.reading.query import scan
from processing.reading.rejects import Reject, RejectsFile, broken_lines
from processing.reading.source import SourceFile

Write = Callable[[str, str | bytes], Path]


def test_each_broken_line_is_told_once_and_then_forgotten(written: Write, tmp_path: Path) -> None:
    content = b"a\tb\n1\tone\n2\n3\tthree\tmore\tand more\n4\t\xff\n5\tfive\n"
    file = SourceFile(written("rows.tsv", content), "rows.tsv", "tsv")
    with connected([file.path], tmp_path / "spill", 200_000_000, 1) as connection:
        query = f"SELECT * FROM {scan(file, {'a': 'VARCHAR', 'b': 'VARCHAR'})}"
        assert connection.execute(query).fetchall() == [("1", "one"), ("5", "five")]
        found = broken_lines(connection)
        assert broken_lines(connection) == []
    assert [line.reason for line in found] == ["too few columns", "too many columns", "not UTF-8"]
    # The database counts bytes from 1.
    assert [line.byte - 1 for line in found] == [content.index(start) for start in (b"2\n", b"3\tt", b"4\t")]
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
