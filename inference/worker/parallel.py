"""ParallelPasses: parallel forward passes on a CPU, one thread per core, each with a share of a batch.

Threads that compute one forward pass together wait for the slowest of them at every layer, which
costs most while the server itself uses a part of the cores. Independent passes do not wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from inference.worker import batching

T = TypeVar("T")
R = TypeVar("R")

# Tokens per core below which a batch is not divided: the overhead of a forward pass would dominate.
LEAST_TOKENS = 64
# Time of a forward pass besides its tokens, in tokens that take as long: of MiniLM-L6 on an AMD EPYC 10 to 20 in fp32,
# and in int8 with other passes between, which leave none of its weights in the cache.
PASS_TOKENS = 20
# Of so many numbers of passes a thread, the one that takes the least time is chosen.
CHOICES = 4


class ParallelPasses:
    """A pool of `count` threads, each of which runs whole forward passes; with 1 they run in the caller's thread."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(count, "forward", torch.set_num_threads, (1,)) if count > 1 else None

    def plan(self, lengths: Sequence[int], budget: int) -> list[list[int]]:
        """Token-balanced batches (batching.plan), the same number for each thread, so that all end together.

        More batches have less padding, and take more time for each pass; the estimate decides (batching.tokens).
        """
        tokens = sum(lengths)
        if self._pool is None or tokens < self.count * LEAST_TOKENS:
            return batching.plan(lengths, budget)
        rounds = -(-tokens // budget)
        plans = [batching.spread(lengths, budget, (rounds + more) * self.count) for more in range(CHOICES)]
        return min(plans, key=lambda plan: batching.tokens(lengths, plan, self.count, PASS_TOKENS))

    def on_every_thread(self, step: Callable[[], object]) -> None:
        """Call `step` once on each thread of the pool; not at all without a pool."""
        if self._pool is None:
            return
        # Until all have begun no thread is free, so that none gets two of the calls.
        begun = threading.Barrier(self.count)

        def call() -> None:
            begun.wait()
            step()

        for call_on_thread in [self._pool.submit(call) for _ in range(self.count)]:
            call_on_thread.result()

    def map(self, step: Callable[[T], R], passes: Sequence[T]) -> Iterator[R]:
        """Results of `step` for each of `passes`, in order; with fewer passes than threads each uses all cores."""
        if self._pool is None or len(passes) < self.count:
            return map(step, passes)
        return self._pool.map(step, passes)
