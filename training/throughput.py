"""Rows, tokens and seconds of training on a rank, and model FLOPs utilization (MFU).

Source of the count: A. Chowdhery et al., "PaLM", JMLR 24 (2023), appendix B: a training step costs
6 N + 12 L H S floating point operations a token (N weights that multiply, L layers, H width, S tokens
of its row). Of the 6, 2 are the gradient of the weight, which a frozen one has not. Peaks: NVIDIA's
data sheets, dense (without sparsity), of bf16; of fp16 for the GPUs that have no bf16.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

FLOPS_PER_WEIGHT, FLOPS_PER_FROZEN_WEIGHT = 6, 4
# By a word of the device's name, in operations a second. "NVIDIA A100-SXM4-40GB" has four words.
PEAKS = {
    "B200": 2250e12,
    "H200": 989e12,
    "GH200": 989e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L40": 181e12,
    "A10G": 70e12,
    "A10": 125e12,
    "L4": 121e12,
    "V100": 125e12,
    "T4": 65e12,
}
# Models with less power than the SXM module of the same name.
BOARD_PEAKS = {("H100", "PCIe"): 756e12, ("H100", "NVL"): 835e12, ("H200", "NVL"): 836e12}


@dataclass
class Counts:
    """What this rank has trained on in this run.

    Attributes:
        tokens: excluding padding.
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


def peak(device: str) -> float | None:
    """Operations a second in 16 bits of the GPU named `device`; None if it is not known, or a part of a GPU (MIG)."""
    words = set(re.split(r"[ -]", device))
    # Multi-instance GPU: the name is that of the whole one.
    if "MIG" in words:
        return None
    boards = (value for (gpu, board), value in BOARD_PEAKS.items() if {gpu, board} <= words)
    return next(boards, None) or next((value for gpu, value in PEAKS.items() if gpu in words), None)


@dataclass(frozen=True)
class Cost:
    """Floating point operations of a training step.

    Attributes:
        token: for each token, by the weights; pooler and head, which see one token a row, count as if they saw all.
        pair: for each pair of tokens of a row, by the attention.
    """

    token: float
    pair: float

    @classmethod
    def of(cls, model: PreTrainedModel) -> Cost:
        """The cost of `model`, whole: before it is sharded."""
        layers = (module.weight for module in model.modules() if isinstance(module, nn.Linear | Conv1D))
        token = sum(
            weight.numel() * (FLOPS_PER_WEIGHT if weight.requires_grad else FLOPS_PER_FROZEN_WEIGHT)
            for weight in layers
        )
        config = model.config
        return cls(token, 12 * config.num_hidden_layers * config.hidden_size)

    def share(self, tokens: float, pairs: float, seconds: float, device: str, devices: int = 1) -> float | None:
        """Share of the peak of `devices` GPUs named `device`; None where that is not known.

        Args:
            tokens: trained on, excluding padding, over all devices.
            pairs: sum of the squares of the rows' lengths.
        """
        most = peak(device)
        return None if most is None else (self.token * tokens + self.pair * pairs) / seconds / (most * devices)
