"""Equal texts with different labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from unit.processing.jobs import Write, rows, run
from unit.processing.occurrences import first_pass_over, left_out

from processing.rows.filters import Outcome
from processing.rows.split import SPLITS

TEXTS = ["a film", "A  film", "a film", "tie", "tie", "b", "b", "c"]
NUMBERS = [1, 1, 0, 0, 1, 2, 2, 0]


@pytest.mark.parametrize(("decision", "expected"), [("list", []), ("drop", [0, 1, 2, 3, 4]), ("majority", [2, 3, 4])])
def test_all_or_the_minority_are_left_out(tmp_path: Path, decision: str, expected: list[int]) -> None:
    first_pass, _ = first_pass_over(TEXTS, NUMBERS, tmp_path, conflicts=decision)
    assert left_out(first_pass, 8) == dict.fromkeys(expected, Outcome.CONFLICT)


def test_conflicts_are_decided_before_duplicates_are_dropped(tmp_path: Path) -> None:
    first_pass, _ = first_pass_over(TEXTS, NUMBERS, tmp_path, conflicts="majority", drop_duplicates=True)
    assert left_out(first_pass, 8) == {
        1: Outcome.DUPLICATE, 2: Outcome.CONFLICT, 3: Outcome.CONFLICT, 4: Outcome.CONFLICT, 6: Outcome.DUPLICATE,
    }  # fmt: skip


def test_a_job_lists_them_with_their_lines(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    lines = [f"{n}\tfilm {n}\t{n % 2}\n" for n in range(40)] + ["x\tfilm 1\t0\n", "\n", "y\tFilm 1\t1\n"]
    path = written("a.tsv", "id\ttext\tlabel\n" + "".join(lines))
    options: dict[str, Any] = {"input": str(path), "tokenizer": str(wordpiece), "columns": ("id",)}
    report = run(tmp_path, conflicts="majority", label_names=("bad", "good"), **options)
    listed = (tmp_path / "processing/report/conflicts.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in listed] == [
        {"group": 1, "file": "a.tsv", "line": 3, "label": "good", "kept": True},
        {"group": 1, "file": "a.tsv", "line": 42, "label": "bad", "kept": False},
        {"group": 1, "file": "a.tsv", "line": 44, "label": "good", "kept": True},
    ]
    assert report["rows"]["filtered"] == {"conflicting label": 1}
    assert "x" not in {row[0] for split in SPLITS for row in rows(tmp_path, split, ("id",))}
