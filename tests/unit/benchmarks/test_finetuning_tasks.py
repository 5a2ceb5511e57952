"""Rows of the fine-tuning benchmark's tasks."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from benchmarks.finetuning_tasks import multilabel, pairs, regression, reviews, rows


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """40 texts, each twice; even ones have five stars, odd ones three."""
    file = tmp_path / "reviews.tsv.gz"
    lines = [f'{5 - i % 2 * 2}\tt{i} "quoted\n' for i in range(40)] * 2
    with gzip.open(file, "wt", encoding="utf-8") as target:
        target.writelines(["star_rating\treview_body\n", *lines])
    return file


def test_rows_are_distinct_and_the_same_each_time(data: Path) -> None:
    found = rows("single", data, 30, 8)
    assert found == rows("single", data, 30, 8)
    assert len({row["text"] for row in found}) == 30
    assert all(row["label"] == (int(row["text"].split()[0][1:]) % 2 == 0) for row in found)


def test_too_few_texts_are_refused(data: Path) -> None:
    with pytest.raises(SystemExit, match="has 40 distinct texts, expected at least 41"):
        reviews(data, 41)


def test_several_labels_are_of_the_words_that_are_kept() -> None:
    found = multilabel([("The plot of this Movie, a film.", 2), ("a b c d e film", 4)], 5)
    assert found == [
        {"text": "The plot of this Movie,", "label": ["movie", "story"]},
        {"text": "a b c d e", "label": ["positive"]},
    ]


def test_numbers_have_fractions() -> None:
    assert [row["label"] for row in regression([("a", 1), ("b", 2), ("c", 5)], 4)] == [-1, -0.5, 1]


def test_of_a_pair_the_label_names_the_positive_text() -> None:
    found = pairs([(f"{'good' if i % 2 else 'bad'} {i} x", 5 if i % 2 else 1) for i in range(40)], 4)
    assert len(found) == 20
    assert {row["label"] for row in found} == {0, 1}
    for row in found:
        positive, other = (row["text"], row["text_pair"]) if row["label"] else (row["text_pair"], row["text"])
        assert positive.startswith("good") and other.startswith("bad") and positive.count(" ") == 1
