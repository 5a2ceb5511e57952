"""Which texts share a forward pass: sorted by length and cut by a token budget, balanced over cores."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


def plan(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Batches of positions in `lengths`, longest first, each position once.

    Sorting keeps padding small; the budget bounds memory and time: a batch's rows times its
    longest row stay within `budget` tokens, or it has one row.

    Args:
        lengths: tokens of each row.
        budget: tokens in a batch, padding included.
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        longest = lengths[batches[-1][0]] if batches else 0
        if batches and (len(batches[-1]) + 1) * longest <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


def spread(lengths: Sequence[int], budget: int, count: int) -> list[list[int]]:
    """The batches of `plan`, as even as they can be: the largest as small as `count` of them allow.

    Where `budget` needs more than `count` batches, there are more.
    """
    least = min(budget, max(lengths, default=1))
    even = bisect_left(range(least, budget), True, key=lambda most: len(plan(lengths, most)) <= count)
    return plan(lengths, least + even)
