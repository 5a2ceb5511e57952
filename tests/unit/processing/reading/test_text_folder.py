"""A folder for each class with one text file a row."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.processing.jobs import Write, rejects, rows, run

from processing.reading.source import find


def test_folders_with_a_folder_for_each_class_are_found(written: Write, tmp_path: Path) -> None:
    for name, text in (("pos/0_9", "a good\nfilm"), ("pos/1_8", "good"), ("neg/0_1", 'a "bad" film'), ("neg/1_2", "")):
        written(f"in/acl/train/{name}.txt", text)
    written("in/acl/train/neg/2_1.txt", b"bad \xff")
    written("in/acl/train/urls_pos.txt", "http\n")
    written("in/acl/README", "about")
    files, skipped = find(str(tmp_path / "in"))
    assert [(file.name, file.format) for file in files] == [("acl/train", "jsonl")]
    assert skipped == ["acl/README", "acl/train/urls_pos.txt"]
    # Of the texts, not of the folder itself, which differs from host to host.
    assert [file.size for file in files] == [11 + 4 + 12 + 0 + 5]


def test_the_tree_of_imdb_is_read_with_its_lists_passed_over(written: Write, tmp_path: Path) -> None:
    lists = [f"{split}/urls_{kind}.txt" for split in ("test", "train") for kind in ("neg", "pos")]
    others = ["README", "imdb.vocab", "test/labeledBow.feat", "train/labeledBow.feat", "train/urls_unsup.txt"]
    for name in (
        *lists,
        *others,
        *(f"{split}/{kind}/0_1.txt" for split in ("test", "train") for kind in ("neg", "pos")),
    ):
        written(f"in/aclImdb/{name}", "http://film\n")
    files, skipped = find(str(tmp_path / "in"))
    assert [file.name for file in files] == ["aclImdb/test", "aclImdb/train"]
    assert skipped == sorted(f"aclImdb/{name}" for name in (*lists, *others))
    # Without other files than texts, the folders of the splits are no classes either.
    for name in others:
        (tmp_path / "in" / "aclImdb" / name).unlink()
    assert [file.name for file in find(str(tmp_path / "in"))[0]] == ["aclImdb/test", "aclImdb/train"]


def test_each_text_file_is_a_row_with_its_folder_as_label(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    for name, text in (("pos/0_9", "a good\nfilm"), ("pos/1_8", "good"), ("neg/0_1", 'a "bad" film'), ("neg/1_2", "")):
        written(f"in/{name}.txt", text)
    written("in/neg/2_1.txt", b"bad \xff")
    report = run(
        tmp_path, input=str(tmp_path / "in"), tokenizer=str(wordpiece), train_ratio=1.0, max_rejects=None,
        label_names=("neg", "pos"), columns=("text", "file"),
    )  # fmt: skip
    assert rows(tmp_path, "train", ("text", "labels", "file")) == [
        ('a "bad" film', "0", "neg/0_1.txt"),
        ("a good\nfilm", "1", "pos/0_9.txt"),
        ("good", "1", "pos/1_8.txt"),
    ]
    assert report["rows"]["rejected"] == {"not UTF-8": 1}
    assert report["rows"]["filtered"] == {"empty text": 1}
    assert [reject["line"] for reject in rejects(tmp_path)] == [3]


def test_the_working_directory_may_be_a_folder_of_classes(
    written: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pos/1", "neg/1"):
        written(f"in/{name}.txt", "film")
    monkeypatch.chdir(tmp_path / "in")
    assert [(file.name, file.path) for file in find(".")[0]] == [("in", tmp_path / "in")]
