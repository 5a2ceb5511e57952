"""Classes derived from the labels of all files, on one host and on several."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from unit.processing.jobs import Write, as_tsv, on_host, rows, run

from processing.rows.split import SPLITS


@pytest.mark.parametrize("kind", [None, "replicated"])
def test_the_classes_of_the_rows_that_are_kept_count(
    written: Write, tmp_path: Path, wordpiece: Path, kind: Literal["replicated"] | None
) -> None:
    """Every host derives the same classes, also of files that lack one."""
    data = [[str(n), f"film {n}", ("unsup", "neg", "pos")[n % 3]] for n in range(300)]
    folder = written("in/a.tsv", as_tsv(data[:200])).parent
    written("in/b.tsv", as_tsv([row for row in data[200:] if row[2] == "pos"]))
    options: dict[str, Any] = {"tokenizer": str(wordpiece), "where": "label <> 'unsup'", "columns": ("id", "label")}
    if kind is None:
        run(tmp_path, input=str(folder), **options)
    else:
        for host in range(2):
            on_host(tmp_path, folder, host, 2, kind, options)
    found = {row for split in SPLITS for row in rows(tmp_path, split, ("label", "labels"))}
    assert found == {("neg", "0"), ("pos", "1")}
    cards = [json.loads(path.read_text()) for path in tmp_path.glob("processing/train/**/card.json")]
    assert [card["label_names"] for card in cards] == [["neg", "pos"]] * (1 if kind is None else 2)
