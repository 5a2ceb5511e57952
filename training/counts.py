"""Throughput of a rank: samples, tokens and padding of its batches, and time without evaluation and saving."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass
class Counts:
    """What this rank has trained on in this run.

    Attributes:
        tokens: padding apart.
        pairs: of tokens of the same row, each with each.
        cells: tokens with the padding.
    """

    rows: int = 0
    tokens: int = 0
    pairs: int = 0
    cells: int = 0
    seconds: float = 0.0
    _since: float = 0.0

    def add(self, mask: torch.Tensor) -> None:
        """Count a batch by its attention mask, (batch, width) on the CPU."""
        self.rows += mask.shape[0]
        lengths = mask.sum(1)
        self.tokens += int(lengths.sum())
        self.pairs += int((lengths * lengths).sum())
        self.cells += mask.numel()

    @contextmanager
    def running(self) -> Iterator[None]:
        """The time of the training, but for what is paused."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self.seconds += time.monotonic() - self._since

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time that is not training: evaluation, saving."""
        self.seconds += time.monotonic() - self._since
        try:
            yield
        finally:
            self._since = time.monotonic()
