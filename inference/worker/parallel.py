"""Parallel forward passes on a CPU: one thread a core, each with a share of a batch.

Threads that share one pass wait for the slowest of them at every layer, which costs most where
the server itself takes a part of the cores. Passes that share nothing never wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from inference.worker import batching

T = TypeVar("T")
R = TypeVar("R")

# Below this a pass is mostly the cost of its calls: texts that short are better off together.
LEAST_TOKENS = 64


class ParallelPasses:
    """`count` threads that compute; 1 means none but the caller's."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool = ThreadPoolExecutor(count, "lane", torch.set_num_threads, (1,)) if count > 1 else None

    def plan(self, lengths: Sequence[int], budget: int) -> list[list[int]]:
        """Passes of `batching.plan`, token-balanced, the same number for each thread: all end at the same time."""
        tokens = sum(lengths)
        if self._pool is None or tokens < self._count * LEAST_TOKENS:
            return batching.plan(lengths, budget)
        rounds = -(-tokens // budget)
        return batching.spread(lengths, budget, rounds * self._count)

    def map(self, step: Callable[[T], R], passes: Sequence[T]) -> Iterator[R]:
        """`step` of each pass, in order: each in a lane, or on all cores where there are fewer passes than lanes."""
        if self._pool is None or len(passes) < self._count:
            return map(step, passes)
        return self._pool.map(step, passes)
