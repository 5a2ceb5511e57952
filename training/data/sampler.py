"""The sampler: order of rows by seed and epoch, grouped by length, and each rank's share of a batch.

Nothing depends on a random state that training moves, so a resumed run sees the same batches.
So do 1 process with batches of 16, 2 processes with batches of 8, and 1 process with 2 times 8
(gradient accumulation).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from torch.utils.data import Sampler

Strategy = Literal["group_by_length", "random", "sequential"]
STRATEGIES = get_args(Strategy)

# Batches that are sorted together. transformers' LengthGroupedSampler takes 50: enough for
# little padding, few enough that batches differ from epoch to epoch.
GROUP = 50


@dataclass(frozen=True)
class Order:
    """How rows are put in order.

    Attributes:
        lengths: (rows,) tokens in each row.
        batch: rows in a step, over all ranks and the micro-batches of each.
        seed: of the shuffle.
        strategy: one of STRATEGIES.
    """

    lengths: np.ndarray
    batch: int
    seed: int
    strategy: Strategy = "group_by_length"

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Global batches of `epoch`: each row once; only the last one may be shorter."""
        rows = len(self.lengths)
        if self.strategy == "sequential":
            return cut(np.arange(rows), self.batch)
        random = np.random.default_rng([self.seed, epoch])
        shuffled = random.permutation(rows)
        if self.strategy == "random":
            return cut(shuffled, self.batch)
        return self.grouped(shuffled, random)

    def grouped(self, shuffled: np.ndarray, random: np.random.Generator) -> list[np.ndarray]:
        """Groups of batches sorted by length, the batches then shuffled."""
        by_length = [
            group[np.argsort(-self.lengths[group], kind="stable")] for group in cut(shuffled, GROUP * self.batch)
        ]
        batches = cut(np.concatenate(by_length), self.batch) if by_length else []
        full = [batch for batch in batches if len(batch) == self.batch]
        full = [full[i] for i in random.permutation(len(full))]
        return longest_first(full, self.lengths) + batches[len(full) :]


def cut(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """`rows` in pieces of `size`, the last one maybe shorter."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def longest_first(batches: list[np.ndarray], lengths: np.ndarray) -> list[np.ndarray]:
    """The batch with the longest row moved to the front: memory that does not suffice shows at once."""
    if not batches:
        return batches
    i = max(range(len(batches)), key=lambda i: lengths[batches[i]].max())
    return [batches[i], *batches[:i], *batches[i + 1 :]]


class RankBatches(Sampler[list[int]]):
    """The micro-batches of one rank: its shares of every step's rows.

    A share is every n-th row, so that all shares have rows of like length. Each gets at least one
    row of the last step: where that has fewer rows than there are shares, rows from the front of
    the epoch fill it up.

    Args:
        order: of the rows.
        rank: this one.
        world: ranks.
        accumulation: micro-batches that each rank takes in a step.
        drop_last: leave out a last step of fewer rows.
    """

    def __init__(self, order: Order, rank: int, world: int, accumulation: int = 1, drop_last: bool = False) -> None:
        self.order, self.rank, self.world = order, rank, world
        self.accumulation, self.drop_last = accumulation, drop_last
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    @property
    def steps(self) -> int:
        """Of an epoch."""
        whole, rest = divmod(len(self.order.lengths), self.order.batch)
        return whole + (rest > 0 and not self.drop_last)

    def __len__(self) -> int:
        return self.steps * self.accumulation

    def __iter__(self) -> Iterator[list[int]]:
        shares = self.world * self.accumulation
        batches = self.order.batches(self.epoch)[: self.steps]
        for batch in batches:
            filled = batch if len(batch) >= shares else np.resize(np.concatenate([batch, *batches]), shares)
            for first in range(self.rank, shares, self.world):
                yield filled[first::shares].tolist()
