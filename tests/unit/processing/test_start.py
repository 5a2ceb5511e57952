"""What a job refuses, in one sentence and without output."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unit.processing.jobs import Write, as_parquet, as_tsv, rejects, rows, run, table

from contract.failures import UserError
from contract.paths import Paths
from processing.options import ProcessingOptions
from processing.start import start


def test_a_missing_tokenizer_option_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="^option --tokenizer is not set; expected a folder"):
        start(ProcessingOptions(), Paths(tmp_path))


def test_an_input_without_files_is_named(tmp_path: Path, wordpiece: Path) -> None:
    with pytest.raises(UserError, match=f"^input {tmp_path} has no file$"):
        start(ProcessingOptions(tokenizer=str(wordpiece), input=str(tmp_path)), Paths(tmp_path / "ml"))


def test_skipped_files_are_logged(
    tmp_path: Path, wordpiece: Path, written: Callable[[str, str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    written("input/rows.csv", "text,label\na,1\n")
    written("input/readme.doc", "hello")
    written("input/empty.csv", "")
    with caplog.at_level(logging.INFO):
        job = start(ProcessingOptions(tokenizer=str(wordpiece), input=str(tmp_path / "input")), Paths(tmp_path / "ml"))
    assert [file.name for file in job.files] == ["rows.csv"]
    assert "2 files that are empty, of an unknown format, about data, or" in caplog.text
    assert "empty.csv" in caplog.text and "readme.doc" in caplog.text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"where": "labl = 1"}, "--where .*labl"),
        ({"where": "CAST(text AS INT) = 1"}, "--where .*Could not convert string '...'"),
        ({"where": "(SELECT count(*) FROM read_text('/etc/hostname')) > 0"}, "--where .*Permission"),
        ({"where": "true); DROP TABLE x; SELECT (1"}, "--where .*expected one expression"),
        ({"positive_where": "labl = 1"}, "--positive-where .*labl"),
        ({"text_column": "body"}, "no column body .--text-column.; its first line has 3 values, of which id, text"),
        ({"columns": ("x",)}, "no column x .--columns"),
        ({"group_by": "x"}, "no column x .--group-by"),
        ({"label_map": {"1": "a", "2": "b"}}, r"label '3' in column label \(row 3\), expected one of 1, 2"),
        ({"where": "false"}, "no row is left to train on: 50 rows read, 0 kept, 50 filtered .where"),
        ({"where": "label = 3"}, "label column label has one value only, expected 2 to 1000 classes"),
        ({"tokenizer": None}, "--tokenizer is not set"),
        ({"input": "nowhere"}, "input nowhere: no such file"),
    ],
)
def test_user_errors_are_one_sentence_and_leave_no_output(
    written: Write, tmp_path: Path, wordpiece: Path, options: dict[str, Any], words: str
) -> None:
    given = {"input": str(written("in/a.tsv", as_tsv(table(50)))), "tokenizer": str(wordpiece), **options}
    with pytest.raises(UserError, match=words) as caught:
        run(tmp_path / "base", **given)
    assert "\n" not in str(caught.value)
    assert not [path for path in tmp_path.glob("base/**/*") if path.is_file()]


@pytest.mark.parametrize("name", ["a.parquet", "a.tsv.gz", "a.csv"])
def test_damaged_files_are_named(written: Write, tmp_path: Path, wordpiece: Path, name: str) -> None:
    good = gzip.compress(as_tsv(table(3000)).encode())
    content = {"a.parquet": as_parquet(table(50))[:-20], "a.tsv.gz": good[: len(good) // 2], "a.csv": b"\n"}[name]
    with pytest.raises(UserError, match=f"input file {name} "):
        run(tmp_path / "base", input=str(written(f"in/{name}", content)), tokenizer=str(wordpiece), label_threshold=3)


def test_mixed_line_ends_are_read_and_a_line_with_a_carriage_return_in_a_value_is_rejected(
    written: Write, tmp_path: Path, wordpiece: Path
) -> None:
    content = "text\tlabel\r\nold film\t1\nbook\t0\rgood film\t1\nnew\rbook\t1\nbad film\t0\r\n"
    path = written("a.tsv", content)
    options = {"input": str(path), "tokenizer": str(wordpiece), "columns": ("text",), "max_rejects": None}
    report = run(tmp_path, train_ratio=1.0, **options)
    assert [row[0] for row in rows(tmp_path, "train", ("text",))] == ["old film", "book", "good film", "bad film"]
    assert report["rows"]["rejected"] == {"carriage return within a value": 1}
    assert [reject["line"] for reject in rejects(tmp_path)] == [5]
