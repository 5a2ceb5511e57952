"""Plans forward passes: groups texts of similar length within a token budget, balanced over CPU cores."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from heapq import heapreplace

# A batch that takes longer has at most so many requests: one that has just missed it waits for the whole of it.
LONG_SECONDS, REQUESTS_OF_LONG = 0.05, 16
# Share of a full forward pass from which on more requests at once are hardly faster.
FULL = 0.5


def most_requests(limit: int, requests: int, seconds: float, share: float) -> int:
    """Most requests of the next batch, so that it takes about LONG_SECONDS if it need not be larger to be fast.

    Args:
        limit: SERVING_BATCH_SIZE.
        requests: of the batch before.
        seconds: that it took.
        share: its tokens, divided by those of a full forward pass.
    """
    if share < FULL:
        return limit
    return min(limit, max(REQUESTS_OF_LONG, int(requests * LONG_SECONDS / seconds)))


def plan(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Group rows to batches by length, longest first. Returns the rows' indices in `lengths`, each once.

    Sorting by length reduces padding; the budget bounds memory and time: the number of rows of a batch
    times its longest row is at most `budget` tokens, unless it has one row only.

    Args:
        lengths: tokens of each row.
        budget: most tokens of a batch, including padding.
    """
    return grouped(longest_first(lengths), lengths, budget)


def longest_first(lengths: Sequence[int]) -> list[int]:
    """The indices of `lengths`, that of the longest row first."""
    return sorted(range(len(lengths)), key=lambda index: -lengths[index])


def grouped(order: Sequence[int], lengths: Sequence[int], budget: int) -> list[list[int]]:
    """The batches of `plan`; `order` is that of `longest_first`."""
    batches: list[list[int]] = []
    for index in order:
        longest = lengths[batches[-1][0]] if batches else 0
        if batches and (len(batches[-1]) + 1) * longest <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


def spread(lengths: Sequence[int], budget: int, count: int) -> list[list[int]]:
    """Token-balanced batches: those of `plan` for the smallest budget that needs at most `count` batches.

    If `budget` needs more than `count` batches, there are more.
    """
    order, least = longest_first(lengths), min(budget, max(lengths, default=1))
    even = bisect_left(range(least, budget), True, key=lambda most: len(grouped(order, lengths, most)) <= count)
    return grouped(order, lengths, least + even)


def tokens(lengths: Sequence[int], batches: Sequence[Sequence[int]], threads: int, overhead: int) -> int:
    """Tokens of the thread that ends last, where each thread takes the next of `batches` when it is free.

    Args:
        overhead: tokens that take as long as what a batch costs besides its own.
    """
    ends = [0] * threads
    for batch in batches:
        heapreplace(ends, ends[0] + len(batch) * lengths[batch[0]] + overhead)
    return max(ends)
