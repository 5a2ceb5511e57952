"""Stratified splits: exact shares of each class, by the hash of the key."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from unit.processing.occurrences import first_pass_over, splits

from processing.across_rows.strata import last


def test_every_class_has_its_share_of_each_split(tmp_path: Path) -> None:
    texts = [f"review {number}" for number in range(3012)]
    numbers = [int(number >= 3000) for number in range(3012)]
    found = splits(first_pass_over(texts, numbers, tmp_path, stratify=True)[0], texts)
    rows = Counter(zip(numbers, found, strict=True))
    assert [rows[0, split] for split in range(3)] == [2400, 300, 300]
    assert [rows[1, split] for split in range(3)] == [10, 1, 1]


def test_the_split_does_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    texts = [f"review {number}" for number in range(90)]
    numbers = [number % 3 for number in range(90)]
    found = splits(first_pass_over(texts, numbers, tmp_path, stratify=True)[0], texts)
    again = splits(first_pass_over(texts[::-1], numbers[::-1], tmp_path, stratify=True)[0], texts[::-1])
    assert again[::-1] == found


def test_keys_with_several_classes_are_in_one_split(tmp_path: Path) -> None:
    texts = [f"review {number // 2}" for number in range(400)]
    numbers = [number % 2 if number < 200 else 0 for number in range(400)]
    found = splits(first_pass_over(texts, numbers, tmp_path, stratify=True)[0], texts)
    assert found[::2] == found[1::2]
    assert Counter(found[:200]) == Counter(found[200:]) == {0: 160, 1: 20, 2: 20}


@pytest.mark.parametrize(
    ("keys", "places", "ratios", "expected"),
    [
        (10, (8, 9), (0.8, 0.1, 0.1), (8, 9)),
        (3, (2, 3), (0.8, 0.1, 0.1), (1, 2)),
        (4, (3, 4), (0.8, 0.1, 0.1), (2, 3)),
        (2, (2, 2), (0.8, 0.1, 0.1), (2, 2)),
        (2, (2, 2), (0.9, 0.1, 0.0), (1, 2)),
        (5, (5, 5), (1.0, 0.0, 0.0), (5, 5)),
        (3, (3, 3), (0.9, 0.0, 0.1), (2, 2)),
    ],
)
def test_each_split_gets_a_key_where_there_are_enough(
    keys: int, places: tuple[int, int], ratios: tuple[float, float, float], expected: tuple[int, int]
) -> None:
    assert last(keys, places, ratios) == expected
