"""The comparison of int8 with fp32."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from benchmarks.finetuning_tasks import reviews
from benchmarks.int8_accuracy import compare, unseen


def test_accuracies_agreement_and_changes_are_of_the_rows() -> None:
    exact = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]], np.float32)
    rounded = np.array([[0.8, 0.2], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7]], np.float32)
    figures = compare(np.array([0, 1, 0, 0]), exact, rounded)
    assert (figures["fp32_accuracy"], figures["int8_accuracy"], figures["agreement"]) == (0.75, 0.5, 0.75)
    assert figures["largest_change"] == pytest.approx(0.2)
    assert figures["mean_change"] == pytest.approx(0.075)


def test_the_rows_are_none_that_training_saw(tmp_path: Path) -> None:
    data = tmp_path / "reviews.tsv.gz"
    with gzip.open(data, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(["star_rating", "review_body"])
        writer.writerows([1 + number % 5, f"text {number}"] for number in range(100))
    texts, classes = unseen(data, trained=20, rows=40)
    assert len(set(texts)) == len(classes) == 40
    assert not set(texts) & {text for text, _ in reviews(data, 20)}
    assert [int(text.split()[1]) % 5 >= 3 for text in texts] == [bool(label) for label in classes]
