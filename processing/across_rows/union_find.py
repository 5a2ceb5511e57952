"""Disjoint sets of numbers, joined pair by pair (Galler and Fischer 1964, with path halving)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class UnionFind:
    """Disjoint sets; the leader of each is its smallest number."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}

    def find(self, number: int) -> int:
        """The leader of the set of `number`."""
        parents = self._parents
        while (parent := parents.get(number, number)) != number:
            parents[number] = parents.get(parent, parent)
            number = parents[number]
        return number

    def join(self, first: int, second: int) -> None:
        """Join the sets of two numbers."""
        one, other = self.find(first), self.find(second)
        smallest = min(one, other)
        for number in (one, other):
            self._parents[number] = smallest

    def groups(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """The numbers of sets of two or more, sorted, and the leader of each."""
        numbers = sorted(self._parents)
        leaders = [self.find(number) for number in numbers]
        return np.array(numbers, np.uint64), np.array(leaders, np.uint64)
