"""Whole jobs on input with splits of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unit.processing.jobs import Write, as_csv, on_host, rows, run, table

from processing.rows.split import SPLITS


def ids(base: Path) -> dict[str, set[str]]:
    """The ids of the rows of each split that was written."""
    found = {path.name for path in (base / "processing").iterdir()} & {*SPLITS}
    return {split: {row[0] for row in rows(base, split, ("id",))} for split in found}


def with_split(data: list[list[str]]) -> str:
    names = ("train", "Training", "test", "train")
    return "id,text,label,part\n" + "".join(f"{i},film {i},{int(i) % 2},{names[int(i) % 4]}\n" for i, *_ in data)


def test_a_column_of_splits_is_kept_and_validation_cut_from_train(
    written: Write, tmp_path: Path, wordpiece: Path
) -> None:
    data = table(400)
    options: dict[str, Any] = {"tokenizer": str(wordpiece), "columns": ("id",), "split_column": "part"}
    folder = written("in/a.csv", with_split(data)).parent
    report = run(tmp_path / "one", input=str(folder), **options)
    found = ids(tmp_path / "one")
    assert found["test"] == {i for i, *_ in data if int(i) % 4 == 2}
    assert found["train"] | found["validation"] == {i for i, *_ in data if int(i) % 4 != 2}
    assert 10 < len(found["validation"]) < 60 and report["rows"]["kept"] == 400
    for host in range(2):
        on_host(tmp_path / "two", folder, host, 2, "replicated", options)
    assert ids(tmp_path / "two") == found


def test_rows_without_a_split_are_rejected(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    path = written("a.csv", with_split(table(40)) + "x,good film,1,unsup\ny,good film,1,\n")
    options: dict[str, Any] = {"input": str(path), "tokenizer": str(wordpiece), "split_column": "part"}
    assert run(tmp_path, max_rejects=2.0, **options)["rows"]["rejected"] == {"split not understood": 2}


def test_files_named_train_and_test_are_kept_and_their_leakage_reported(
    written: Write, tmp_path: Path, wordpiece: Path
) -> None:
    data = table(300)
    written("in/train.csv", as_csv(data[:200]))
    written("in/test.csv", as_csv([*data[200:], *data[:7]]))
    options: dict[str, Any] = {"tokenizer": str(wordpiece), "columns": ("id",), "label_threshold": 3}
    report = run(tmp_path, input=str(tmp_path / "in"), validation_ratio=0.0, **options)
    assert ids(tmp_path) == {"train": {i for i, *_ in data[:200]}, "test": {i for i, *_ in [*data[200:], *data[:7]]}}
    assert report["equal_texts"]["test_in_train"] == 7
    assert report["warnings"] == ["7 rows of the split test have a text that is in train too: its scores are too good"]
    ignored = run(tmp_path / "other", input=str(tmp_path / "in"), given_splits="ignore", **options)
    assert ignored["splits"]["validation"] > 0 and ignored["equal_texts"]["test_in_train"] == 0
