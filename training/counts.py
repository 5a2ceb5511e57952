"""What a rank has trained on, and for how long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass
class Counts:
    """What this rank has trained on in this run: rows, tokens, and cells with the padding."""

    rows: int = 0
    tokens: int = 0
    cells: int = 0
    seconds: float = 0.0
    _since: float = 0.0

    def add(self, mask: torch.Tensor) -> None:
        """Count a batch by its attention mask, (batch, width) on the CPU."""
        self.rows += mask.shape[0]
        self.tokens += int(mask.sum())
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
