"""Finding input files."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.failures import UserError
from processing.reading.input_paths import Listed
from processing.reading.source import find, folder_columns, source_file

Write = Callable[[str, str | bytes], Path]


def test_finds_every_format_below_a_folder_by_name(written: Write, tmp_path: Path) -> None:
    for name in ("b/2.tsv.gz", "a.csv", "c.JSONL", "d.parquet", "e.csv.zst", ".hidden.csv", "_SUCCESS", "notes.pdf"):
        written(f"in/{name}", "x")
    written("in/part-0.csv", "")
    files, skipped = find(str(tmp_path / "in"))
    assert [(file.name, file.format, file.compression) for file in files] == [
        ("a.csv", "csv", "none"),
        ("b/2.tsv.gz", "tsv", "gzip"),
        ("c.JSONL", "jsonl", "none"),
        ("d.parquet", "parquet", "none"),
        ("e.csv.zst", "csv", "zstd"),
    ]
    assert skipped == ["notes.pdf", "part-0.csv"]


def test_a_glob_and_a_file_name_narrow_it_down(written: Write, tmp_path: Path) -> None:
    for name in ("x/1.csv", "x/2.csv", "y/1.csv"):
        written(name, "x")
    assert [file.name for file in find(str(tmp_path / "*" / "1.csv"))[0]] == ["x/1.csv", "y/1.csv"]
    assert [file.name for file in find(str(tmp_path / "x"), "2.csv")[0]] == ["2.csv"]
    assert [file.name for file in find(str(tmp_path), "x/*.csv")[0]] == ["1.csv", "2.csv"]


@pytest.mark.parametrize(
    ("place", "words"), [("none", "no such file"), ("*.csv", "no file matches"), ("a.pdf", "known format")]
)
def test_a_place_without_files_is_refused(written: Write, tmp_path: Path, place: str, words: str) -> None:
    written("a.pdf", "x")
    with pytest.raises(UserError, match=words):
        find(str(tmp_path / place))


def test_a_json_array_without_elements_is_an_empty_file(written: Write, tmp_path: Path) -> None:
    for name, text in (
        ("a.json", "[]"),
        ("b.jsonl", "\ufeff [\n] \n"),
        ("c.json", '[{"text": "x"}]'),
        ("d.jsonl", "[1]"),
    ):
        written(f"in/{name}", text)
    files, skipped = find(str(tmp_path / "in"))
    assert ([file.name for file in files], skipped) == (["c.json", "d.jsonl"], ["a.json", "b.jsonl"])
    with pytest.raises(UserError, match=r"a\.json: every file is empty or of an unknown format"):
        find(str(tmp_path / "in" / "a.json"))


def test_a_compressed_file_of_nothing_is_empty(written: Write, tmp_path: Path) -> None:
    written("in/a.csv.gz", gzip.compress(b""))
    written("in/b.jsonl.bz2", bz2.compress(b"[]\n"))
    written("in/c.csv.xz", lzma.compress(b"[]\n"))
    written("in/d.json.gz", gzip.compress(b"[1]"))
    written("in/e.csv.gz", b"damaged")
    files, skipped = find(str(tmp_path / "in"))
    assert [file.name for file in files] == ["c.csv.xz", "d.json.gz", "e.csv.gz"]
    assert skipped == ["a.csv.gz", "b.jsonl.bz2"]


def test_links_to_folders_and_to_nothing_are_listed(written: Write, tmp_path: Path) -> None:
    written("elsewhere/b.csv", "text,label\nx,1\n")
    written("in/a.csv", "text,label\nx,1\n")
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "gone.csv").symlink_to(tmp_path / "nothing.csv")
    (tmp_path / "in" / "itself.csv").symlink_to("itself.csv")
    (tmp_path / "in" / "link.csv").symlink_to(tmp_path / "elsewhere" / "b.csv")
    files, skipped = find(str(tmp_path / "in"))
    assert ([file.name for file in files], skipped) == (["a.csv", "link.csv"], ["gone.csv", "itself.csv", "linked"])


def test_folders_name_columns_as_spark_writes_them(tmp_path: Path) -> None:
    name = "lang=pt%20br/label=__HIVE_DEFAULT_PARTITION__/a=b=c/x.csv"
    file = source_file(Listed(name, False, True), str(tmp_path))
    assert file is not None
    assert folder_columns(file) == {"lang": "pt br", "label": None, "a": "b=c"}


def test_files_are_in_the_order_of_their_names_where_links_lead_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, place in (("a.csv", "2"), ("b.csv", "1")):
        (tmp_path / place).write_text("text\nx\n")
        (folder / name).symlink_to(tmp_path / place)
    assert [file.name for file in find(str(folder))[0]] == ["a.csv", "b.csv"]


def test_a_link_has_the_suffixes_of_its_own_name(written: Write, tmp_path: Path) -> None:
    """In the cache of the Hugging Face Hub files are links to others whose names are checksums."""
    written("blobs/0c5d", '{"rows": [{"text": "x"}]}\n')
    (tmp_path / "in").mkdir()
    for name in ("a.jsonl", "b.json"):
        (tmp_path / "in" / name).symlink_to(tmp_path / "blobs" / "0c5d")
    files, _ = find(str(tmp_path / "in"))
    assert [(file.name, file.path, file.says_lines) for file in files] == [
        ("a.jsonl", tmp_path / "blobs" / "0c5d", True),
        ("b.json", tmp_path / "blobs" / "0c5d", False),
    ]


def test_a_relative_folder_is_that_of_the_working_directory(
    written: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("one", "two"):
        written(f"{folder}/b/a.csv", "x")
        monkeypatch.chdir(tmp_path / folder)
        assert [(file.name, file.path) for file in find(".")[0]] == [("b/a.csv", tmp_path / folder / "b" / "a.csv")]
