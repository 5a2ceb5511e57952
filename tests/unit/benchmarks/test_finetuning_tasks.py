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


def test_both_texts_of_a_pair_are_of_one_review_where_the_label_says_so() -> None:
    found = pairs([(" ".join(f"{i}-{word}" for word in range(9)), 5) for i in range(40)], 12)
    assert len(found) == 20
    assert {row["label"] for row in found} == {0, 1}
    for place, row in enumerate(found):
        review = 2 * place + 1 - row["label"]
        assert row["text"] == " ".join(f"{2 * place}-{word}" for word in range(6))
        assert row["text_pair"] == " ".join(f"{review}-{word}" for word in range(2, 8))
