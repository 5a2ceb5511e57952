"""Losses that are NaN or infinite: counted by step, and the error after max_nonfinite_steps."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from contract.failures import UserError

REMEDY = (
    "lower learning_rate, raise warmup_steps, lower max_grad_norm, or train with bf16 or in fp32 where it was fp16; "
    "on_divergence=deliver would have delivered the newest checkpoint with finite weights"
)


class DivergenceError(UserError):
    """The training has left the finite numbers, on all ranks at the same step."""


class NonFiniteSteps:
    """How many steps in a row had a loss that is NaN or infinite, on this rank.

    On a GPU the count is of the steps before the last one: reading a number that the GPU is still computing would keep
    the CPU from preparing the next step.
    """

    def __init__(self) -> None:
        self.count = 0
        self._sum: torch.Tensor | None = None
        self._waiting: torch.Tensor | None = None

    def add(self, loss: torch.Tensor) -> None:
        """Take the loss of a micro-batch, a scalar on any device."""
        self._sum = loss.detach() if self._sum is None else self._sum + loss.detach()

    def end_step(self) -> int:
        """Close the step. Returns the count."""
        ready, self._waiting, self._sum = self._waiting, self._sum, None
        if self._waiting is not None and self._waiting.device.type == "cpu":
            ready, self._waiting = self._waiting, None
        if ready is not None:
            self.count = 0 if math.isfinite(float(ready)) else self.count + 1
        return self.count


def refuse_loss(metrics: Mapping[str, float], step: int) -> None:
    """Raise where an evaluation gave a loss that is not finite; the same on all ranks, which share the metrics.

    Raises:
        DivergenceError: names the step.
    """
    for name, value in metrics.items():
        if name.endswith("_loss") and not math.isfinite(value):
            raise DivergenceError(f"{name} is {value} after step {step}: the training has diverged; {REMEDY}")


def diverged(step: int, steps: int, learning_rate: float) -> DivergenceError:
    """The error for a loss that was not finite for `steps` steps until `step`."""
    return DivergenceError(
        f"the loss was NaN or infinite for {steps} steps in a row, the last one step {step} (learning rate "
        f"{learning_rate:.3g}): the training has diverged; {REMEDY}"
    )
