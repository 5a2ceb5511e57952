"""Rows of tokens are truncated, selected and merged as plain lists of ids are."""

from __future__ import annotations

import random
from itertools import chain, compress

import numpy as np
import pytest

from processing.tokenizing.tokens import (
    SpecialTokens,
    Tokens,
    gather,
    interleave,
    ragged_range,
    truncate,
    with_special_tokens,
)

Rows = list[list[int]]


def random_rows(seed: int, count: int = 40) -> Rows:
    pick = random.Random(seed)
    return [[pick.randrange(10, 99) for _ in range(pick.choice((0, 1, 2, 3, 7, 20)))] for _ in range(count)]


def tokens(rows: Rows) -> Tokens:
    lengths = np.array([len(row) for row in rows], np.int32)
    return Tokens(np.array(list(chain.from_iterable(rows)), np.int32), lengths, lengths + np.int32(1))


def lists(found: Tokens) -> Rows:
    ends = np.cumsum(found.lengths).tolist()
    return [found.ids[end - length : end].tolist() for end, length in zip(ends, found.lengths.tolist(), strict=True)]


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("limit", [3, 4, 9, 100])
def test_special_tokens_are_kept_in_truncated_rows(side: str, limit: int) -> None:
    plain = random_rows(limit)
    kept = [row[: limit - 3] if side == "right" else row[max(len(row) - limit + 3, 0) :] for row in plain]
    expected = [[1, *row, 2, 3] for row in kept]
    before, after = np.array([1], np.int32), np.array([2, 3], np.int32)
    counts = tokens(plain).lengths
    added = with_special_tokens(tokens(plain).ids, counts, before, after, limit, side)
    whole = tokens([[1, *row, 2, 3] for row in plain])
    truncated = truncate(whole.ids, whole.lengths, limit, SpecialTokens(1, 2), side)
    for found in (added, truncated):
        assert lists(found) == expected
        assert found.full_lengths.tolist() == [len(row) + 3 for row in plain]


def test_rows_are_selected_in_any_order_and_repeated() -> None:
    rows = random_rows(1)
    chosen = [5, 0, 0, 39, 7]
    found = gather(tokens(rows), np.array(chosen, np.int64))
    assert lists(found) == [rows[row] for row in chosen]
    assert found.full_lengths.tolist() == [len(rows[row]) + 1 for row in chosen]
    assert lists(tokens(rows)[3:9]) == rows[3:9]


@pytest.mark.parametrize("seed", range(5))
def test_two_batches_are_merged_in_the_order_of_the_mask(seed: int) -> None:
    rows = random_rows(seed)
    mask = [random.Random(seed + row).random() < 0.7 for row in range(len(rows))]
    chosen = tokens(list(compress(rows, mask)))
    others = tokens(list(compress(rows, [not is_chosen for is_chosen in mask])))
    found = interleave(chosen, others, np.array(mask))
    assert lists(found) == rows
    assert found.full_lengths.tolist() == [len(row) + 1 for row in rows]


def test_positions_within_rows() -> None:
    assert ragged_range(np.array([2, 0, 3], np.int32)).tolist() == [0, 1, 0, 1, 2]
