"""Figures of the report."""

from __future__ import annotations

import numpy as np

from processing.report.json_report import MOST_FILES, balance, lengths, percentiles, shown
from processing.row_counts import LONGEST_COUNTED, Statistics
from processing.tokenizing.tokens import Tokens


def tokens(full: list[int], limit: int) -> Tokens:
    lengths = np.minimum(full, limit).astype(np.int32)
    return Tokens(np.zeros(int(lengths.sum()), np.int32), lengths, np.array(full, np.int32))


def test_percentiles_are_those_of_the_sorted_lengths() -> None:
    values = np.random.default_rng(0).integers(3, 900, 5000)
    found = percentiles(np.bincount(values, minlength=LONGEST_COUNTED + 1))
    ordered = np.sort(values)
    assert found == {
        f"p{p}": int(ordered[int(np.ceil(len(values) * p / 100)) - 1]) for p in (5, 25, 50, 75, 95, 99, 100)
    }
    assert percentiles(np.zeros(10, np.int64)) == {}


def test_lengths_and_balance_add_up_over_batches() -> None:
    statistics = Statistics()
    statistics.add_tokens(tokens([3, 9, 200_000], 8))
    statistics.add_tokens(tokens([8], 8))
    statistics.rows["train"] += 3
    statistics.rows["test"] += 1
    statistics.add_classes("train", np.array([0, 1, 1]))
    statistics.add_classes("test", np.array([1]))
    found = lengths(statistics, 8)
    assert (found["truncated_rows"], found["truncated_share"], found["tokens_written"]) == (2, 0.5, 27)
    assert found["percentiles"]["p100"] == LONGEST_COUNTED
    assert balance(statistics, ("a", "b")) == {
        "train": {"a": 1, "b": 2},
        "validation": {"a": 0, "b": 0},
        "test": {"a": 0, "b": 1},
    }


def test_of_many_files_the_page_gets_the_first_and_their_number() -> None:
    found = shown({"files": list(range(5000)), "files_passed_over": list(range(300)), "rows": 1})
    assert found == {
        "files": list(range(MOST_FILES)),
        "files_passed_over": list(range(MOST_FILES)),
        "rows": 1,
        "number_of_files": 5000,
    }
