"""Predictions (logits and labels) collected from an evaluation, and their probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from training.metrics import confusion, scores
from training.model.loss import ClassificationLoss


@dataclass(frozen=True)
class Predictions:
    """Of one channel, in the order of evaluation.

    Attributes:
        labels: (rows,) int64, the true classes.
        probabilities: (rows, classes) float64, each row's sum is 1.
    """

    labels: np.ndarray
    probabilities: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """(rows,) int64, the most probable classes."""
        return self.probabilities.argmax(-1)

    @property
    def matrix(self) -> np.ndarray:
        """(classes, classes) int64: row = true class, column = predicted one."""
        return confusion(self.labels, self.predicted, self.probabilities.shape[1])

    def at(self, threshold: float) -> np.ndarray:
        """(rows,) int64, class 1 from this probability on, class 0 below; of two classes."""
        return (self.probabilities[:, 1] >= threshold).astype(np.int64)


class Judge:
    """Trainer's compute_metrics, which keeps the last predictions.

    Args:
        loss: of logits and labels. Trainer's own mean over ranks counts the rows twice that fill up the last batch.
    """

    def __init__(self, loss: ClassificationLoss) -> None:
        self.loss = loss
        self.last: Predictions | None = None

    def __call__(self, prediction: Any) -> dict[str, float]:
        """The loss and scores of a transformers.EvalPrediction with logits (rows, classes) and labels (rows,)."""
        logits = prediction.predictions[0] if isinstance(prediction.predictions, tuple) else prediction.predictions
        labels = prediction.label_ids.astype(np.int64)
        self.last = Predictions(labels, softmax(logits.astype(np.float64)))
        loss = self.loss({"logits": torch.from_numpy(logits)}, torch.from_numpy(labels), None)
        return {"loss": float(loss), **scores(self.last.matrix)}

    def take(self) -> Predictions:
        """The predictions of the evaluation that has just ended."""
        if self.last is None:
            raise RuntimeError("nothing was evaluated yet")
        return self.last


def softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)
