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


@pytest.mark.parametrize(("name", "content"), [("a.jsonl", "no json"), ("a.csv.gz", "no gzip")])
def test_a_file_that_is_not_what_its_name_says_is_named(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=f"file {name} cannot be read"):
        text_files.read(text_files.find(tmp_path), COLUMNS)


def test_files_without_a_common_column_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\nx\n")
    (tmp_path / "b.csv").write_text("label\nx\n")
    with pytest.raises(UserError, match="files a.csv to b.csv have none of the columns text, label in common"):
        text_files.read(text_files.find(tmp_path), COLUMNS)


def test_values_stay_as_they_are_written_whatever_other_files_hold(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text,label\n1,NA,007\n2,2020-01-01,True\n")
    (tmp_path / "b.csv").write_text("id,text,label\nx,,1.0\n")
    (tmp_path / "c.jsonl").write_text('{"text": "2020-01-01", "label": 7, "id": []}\n\n{"text": null, "label": true}\n')
    rows = text_files.read(text_files.find(tmp_path), COLUMNS)
    assert rows["text"] == ["NA", "2020-01-01", "", "2020-01-01", None]
    assert rows["label"] == ["007", "True", "1.0", "7", "true"]


def test_json_is_lines_or_one_array_also_as_json_files(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"text": "a", "label": 1}\n{"text": "b", "label": 0}')
    (tmp_path / "b.json").write_text('\ufeff[\n {"text": "c", "label": 1},\n {"text": "d", "label": 0.5}\n]\n')
    rows = text_files.read(text_files.find(tmp_path), COLUMNS)
    assert rows["text"] == list("abcd")
    assert rows["label"] == ["1", "0", "1", "0.5"]


def test_hidden_and_empty_files_are_left_out(tmp_path: Path) -> None:
    for folder in (".ipynb_checkpoints", "part"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").write_text("text,label\nx,1\n")
    (tmp_path / "._a.csv").write_bytes(b"\0\5\x16\7")
    (tmp_path / "_old.csv").write_text("text,label\nx,1\n")
    (tmp_path / "part" / "empty.csv").touch()
    assert text_files.find(tmp_path) == [tmp_path / "part" / "a.csv"]


SECRET = "Zanzibar"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", f"{SECRET} is fine,1\nbad,0\n", "none of its 2 columns is named text, label; expected a header line"),
        ("a.csv", f"text,text,label\n{SECRET},b,1\n", "has 2 columns named text, expected one"),
        ("a.csv", f"text,label\n{SECRET}\xff,1\n", "cannot be read: "),
        ("a.jsonl", f'{{"text": "{SECRET}", "label": 1}}\n{{"text": {SECRET}}}\n', "line 2 is no JSON"),
        ("a.jsonl", f'"{SECRET}"\n', "line 1 is no JSON object"),
        ("a.jsonl", f'{{"text": "{SECRET}", "label": [["{SECRET}"]]}}\n', "label of row 1 is an array, expected text"),
        ("a.jsonl", f'{{"{SECRET}": 1}}\n', "none of its 1 columns is named text, label"),
        ("a.csv", "\n\n", "a.csv is empty, expected a first line with column names"),
        ("a.csv", f'text,label\n"{SECRET},1\n', "line 2 has quotes that do not match, .*; process it first"),
        ("a.csv", f'text,label\n"{SECRET}" so,1\n', "line 2 has quotes that do not match"),
        ("a.csv", f"text,label\n{SECRET}\rso,1\n", "line 2 has quotes that do not match, a carriage return"),
        (
            "a.csv",
            f'text,label\na,1\n"{SECRET},1\nb,1\nc,1\n",1\n',
            "line 6 ends a quoted value that has other rows in it",
        ),
        ("a.csv", f'label,text\n1, "{SECRET}"\n', "line 2 has spaces before a quote; process it first"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_sentence_without_its_content(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=message) as refused:
        text_files.read(text_files.find(tmp_path), COLUMNS)
    assert SECRET not in str(refused.value) + caplog.text
    assert name in str(refused.value)


def test_quotes_in_a_tsv_file_that_are_text_stay(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('text\tlabel\n"a stray quote\t1\n"Good"\t0\nsay ""it""\t1\n')
    rows = text_files.read(text_files.find(tmp_path), COLUMNS)
    assert rows["text"] == ['"a stray quote', '"Good"', 'say ""it""']


def test_columns_that_are_not_read_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.csv").write_text("title,text,label\nx,y,1\n")
    with caplog.at_level(logging.INFO):
        text_files.read(text_files.find(tmp_path), COLUMNS)
    assert "columns text, label are read, title are not" in caplog.text
