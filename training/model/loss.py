"""Losses over the rows of a whole step (all ranks and micro-batches): cross entropy, binary cross entropy, MSE, L1."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, l1_loss, mse_loss


class StepLoss(ABC):
    """A loss, summed over this rank's rows and divided by the rows of the whole step.

    Trainer multiplies by the number of ranks afterwards, because DDP averages their gradients. The
    models' own losses are means over a rank's rows: Trainer multiplies these as well,
    so that in transformers 5.3 two ranks give gradients twice as large as one.
    """

    def __call__(
        self, outputs: Mapping[str, torch.Tensor], labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None
    ) -> torch.Tensor:
        """The loss, a scalar.

        Args:
            outputs: with `logits`, (rows, classes).
            labels: (rows,) int64 or float32, or (rows, labels) float32, by problem type.
            num_items_in_batch: rows of the step over all ranks; None (evaluation) takes these rows alone.
        """
        total = self.total(outputs["logits"].float(), labels)
        return total / (len(labels) if num_items_in_batch is None else num_items_in_batch)

    @abstractmethod
    def total(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The loss summed over rows, a scalar; `logits` are float32."""


@dataclass(frozen=True)
class ClassificationLoss(StepLoss):
    """Cross entropy of one class a row.

    Attributes:
        smoothing: label smoothing, 0..1 (label_smoothing_factor).
        weights: (classes,) float32, of a row by its class; none weighs all rows alike. Their mean over
            the rows of train is 1, so dividing by rows keeps the loss the same for any shares of a step.
        gamma: of the focal loss, by which rows of a probable class weigh less; 0 weighs all alike.
            Source: T.-Y. Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, equation 4.
    """

    smoothing: float = 0.0
    weights: torch.Tensor | None = None
    gamma: float = 0.0

    def total(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        weights = None if self.weights is None else self.weights.to(logits.device)
        if not self.gamma:
            return cross_entropy(logits, labels, weights, reduction="sum", label_smoothing=self.smoothing)
        of_rows = cross_entropy(logits, labels, weights, reduction="none", label_smoothing=self.smoothing)
        probabilities = logits.softmax(-1).gather(1, labels[:, None])[:, 0]
        return ((1 - probabilities) ** self.gamma * of_rows).sum()


@dataclass(frozen=True)
class MultiLabelLoss(StepLoss):
    """Binary cross entropy of several labels a row, the mean over labels.

    Attributes:
        smoothing: label smoothing, 0..1: labels become smoothing / 2 and 1 - smoothing / 2.
        pos_weight: (labels,) float32, of a row that has the label; none weighs all alike.
        gamma: of the focal loss, as ClassificationLoss has it.
    """

    smoothing: float = 0.0
    pos_weight: torch.Tensor | None = None
    gamma: float = 0.0

    def total(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        weight = None if self.pos_weight is None else self.pos_weight.to(logits.device)
        targets = labels * (1 - self.smoothing) + self.smoothing / 2
        each = binary_cross_entropy_with_logits(logits, targets, pos_weight=weight, reduction="none")
        if self.gamma:
            right = torch.where(labels > 0.5, logits, -logits).sigmoid()
            each = (1 - right) ** self.gamma * each
        return each.mean(-1).sum()


@dataclass(frozen=True)
class RegressionLoss(StepLoss):
    """Squared error of one number a row, or the absolute error where `absolute` is true."""

    absolute: bool = False

    def total(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        error = l1_loss if self.absolute else mse_loss
        return error(logits.squeeze(-1), labels.to(logits.dtype), reduction="sum")


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


def positive_weights(labels: np.ndarray) -> torch.Tensor:
    """(labels,) float32: rows without the label over rows with it; 1 for a label that no row has.

    Args:
        labels: (rows, labels) float32, 0 or 1.

    Source: the documentation of torch.nn.BCEWithLogitsLoss.
    """
    positive = labels.sum(0, dtype=np.float64)
    weights = np.divide(len(labels) - positive, positive, out=np.ones_like(positive), where=positive > 0)
    return torch.tensor(np.maximum(weights, 1e-3), dtype=torch.float32)
