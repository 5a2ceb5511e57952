import gzip
import logging
from pathlib import Path

import pytest

from contract.failures import UserError
from training.data import text_files

COLUMNS = ("text", "label")


def test_every_format_gives_the_same_rows_gzipped_or_not(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text,label\n"Good, ""really""",007\n')
    (tmp_path / "b.jsonl").write_text('{"text": "Good, \\"really\\"", "label": "007"}\n')
    with gzip.open(tmp_path / "c.tsv.gz", "wt") as file:
        file.write('label\ttext\n007\tGood, "really"\n')
    rows = text_files.read(text_files.find(tmp_path), COLUMNS)
    assert rows["text"] == ['Good, "really"'] * 3
    assert rows["label"] == ["007"] * 3


def test_a_line_break_in_quotes_belongs_to_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text,label\n"one\ntwo",1\nNA,0\n')
    rows = text_files.read(text_files.find(tmp_path), COLUMNS)
    assert rows["text"] == ["one\ntwo", "NA"]


def test_broken_lines_are_left_out_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.tsv").write_text("text\tlabel\na\t1\nb\n\nc\t2\td\ne\t0\n")
    with caplog.at_level(logging.WARNING):
        rows = text_files.read(text_files.find(tmp_path), COLUMNS)
    assert rows["text"] == ["a", "e"]
    assert "a.tsv: 2 lines" in caplog.text and "the first is line 3" in caplog.text


@pytest.mark.parametrize(("name", "content"), [("a.jsonl", "no json"), ("a.csv", ""), ("a.csv.gz", "no gzip")])
def test_a_file_that_is_not_what_its_name_says_is_named(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=f"file {name} cannot be read"):
        text_files.read(text_files.find(tmp_path), COLUMNS)


def test_files_without_a_common_column_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\nx\n")
    (tmp_path / "b.csv").write_text("body\nx\n")
    with pytest.raises(UserError, match="no column in common"):
        text_files.read(text_files.find(tmp_path), COLUMNS)
