"""Cross entropy over the rows of a whole step (all ranks and micro-batches), with optional class weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy


@dataclass(frozen=True)
class ClassificationLoss:
    """Cross entropy, summed over this rank's rows and divided by the rows of the whole step.

    Trainer multiplies by the number of ranks afterwards, because DDP averages their gradients. The
    models' own classification losses are means over a rank's rows: Trainer multiplies these as well,
    so that in transformers 5.3 two ranks give gradients twice as large as one.

    Attributes:
        smoothing: label smoothing, 0..1 (label_smoothing_factor).
        weights: (classes,) float32, of a row by its class; none weighs all rows alike. Their mean over
            the rows of train is 1, so dividing by rows keeps the loss the same for any shares of a step.
    """

    smoothing: float = 0.0
    weights: torch.Tensor | None = None

    def __call__(
        self, outputs: Mapping[str, torch.Tensor], labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None
    ) -> torch.Tensor:
        """The loss, a scalar.

        Args:
            outputs: with `logits`, (rows, classes).
            labels: (rows,) int64.
            num_items_in_batch: rows of the step over all ranks; None (evaluation) takes these rows alone.
        """
        logits = outputs["logits"].float()
        weights = None if self.weights is None else self.weights.to(logits.device)
        total = cross_entropy(logits, labels, weights, reduction="sum", label_smoothing=self.smoothing)
        return total / (len(labels) if num_items_in_batch is None else num_items_in_batch)


def balanced(labels: np.ndarray, classes: int) -> torch.Tensor:
    """(classes,) float32: rows / (classes times rows of the class), so that classes weigh alike in sum.

    Classes without a row do not count, and weigh 1: validation may have some.

    Args:
        labels: (rows,) int64.

    Source: G. King, L. Zeng, "Logistic Regression in Rare Events Data", Political Analysis 9 (2001).
    """
    counts = np.bincount(labels, minlength=classes)
    present = counts > 0
    weights = np.ones(classes)
    weights[present] = len(labels) / (present.sum() * counts[present])
    return torch.tensor(weights, dtype=torch.float32)
