"""Counts of kept rows with equal texts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from processing.equal_texts import EqualTexts


def batch(hashes: list[int], numbers: list[int | None], splits: list[int]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array(hashes, pa.uint64()), pa.array(numbers, pa.int64()), pa.array(splits, pa.uint8())],
        names=["text_hash", "number", "split"],
    )


def test_rows_with_other_labels_and_in_other_splits_are_counted_over_batches() -> None:
    texts = EqualTexts()
    texts.add(batch([5, 7, 9], [0, 1, 1], [0, 2, 0]))
    texts.add(batch([5, 7, 2**64 - 1, 9], [1, 1, 0, 1], [1, 2, 0, 2]))
    # 5 has two labels and is in train and validation; 7 is in test twice; 9 is in train and test.
    assert texts.counted() == {
        "conflicting_labels": 2,
        "validation_in_train": 1,
        "test_in_train": 1,
        "estimated": False,
    }


def test_no_rows_give_no_counts() -> None:
    texts = EqualTexts()
    none = texts.counted()
    assert none == {"conflicting_labels": 0, "validation_in_train": 0, "test_in_train": 0, "estimated": False}
    # All rows of a host can be duplicates of another host's.
    texts.add(batch([], [], []))
    assert texts.counted() == none


def test_of_many_rows_a_sample_by_hash_gives_an_estimate() -> None:
    texts = EqualTexts(most=10_000)
    hashes = np.random.default_rng(1).integers(0, 2**64, 40_000, np.uint64)
    for part in np.split(hashes, 8):
        texts.add(batch(part.tolist(), [0] * len(part), [0] * len(part)))
        # Each fourth text is in test too, with another label.
        again = part[::4]
        texts.add(batch(again.tolist(), [1] * len(again), [2] * len(again)))
    counts = texts.counted()
    assert texts.rows <= 10_000 and counts["estimated"] is True
    assert abs(counts["test_in_train"] - 10_000) < 700
    assert abs(counts["conflicting_labels"] - 20_000) < 1400
