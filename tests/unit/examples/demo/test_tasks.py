"""The made-up rows of each task of the demo."""

import csv
import gzip
from pathlib import Path

import pytest

from examples.demo.tasks import COMPLAINTS, FILE, TASKS


def read(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.mark.parametrize("name", TASKS)
def test_the_same_seed_makes_the_same_rows(name: str, tmp_path: Path) -> None:
    a, b, c = (TASKS[name].write(tmp_path / folder, 200, seed) for folder, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert read(a) == read(b) != read(c)
    assert len(read(a)) == 200 and a.name == FILE
    assert len(list(TASKS[name].read_texts(a))) == 200 * len(TASKS[name].texts)


def test_labels_and_numbers_follow_from_the_text(tmp_path: Path) -> None:
    rows = read(TASKS["multilabel"].write(tmp_path, 300))
    for row in rows:
        said = {label for label, sentences in COMPLAINTS.items() if any(each in row["text"] for each in sentences)}
        assert said == set(filter(None, row["labels"].split("|")))
    assert {""} < {row["labels"] for row in rows}
    ratings = [float(row["rating"]) for row in read(TASKS["regression"].write(tmp_path, 300))]
    assert 0.75 <= min(ratings) < 1.3 < 4.7 < max(ratings) <= 5.25


def test_some_pairs_lack_their_answer(tmp_path: Path) -> None:
    rows = read(TASKS["pairs"].write(tmp_path, 1000))
    assert 5 < sum(row["answer"] == "" for row in rows) < 50
    assert all(row["question"] for row in rows) and {row["label"] for row in rows} == {"yes", "no"}
