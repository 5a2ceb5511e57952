"""What the model said of a channel's rows, kept from the last evaluation for thresholds, calibration and the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from training.metrics import confusion, scores


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
    """Trainer's compute_metrics, which keeps the last predictions."""

    def __init__(self) -> None:
        self.last: Predictions | None = None

    def __call__(self, prediction: Any) -> dict[str, float]:
        """The scores of a transformers.EvalPrediction with logits (rows, classes) and labels (rows,)."""
        logits = prediction.predictions[0] if isinstance(prediction.predictions, tuple) else prediction.predictions
        self.last = Predictions(prediction.label_ids.astype(np.int64), softmax(logits.astype(np.float64)))
        return scores(self.last.matrix)

    def take(self) -> Predictions:
        """The predictions of the evaluation that has just ended."""
        if self.last is None:
            raise RuntimeError("nothing was evaluated yet")
        return self.last


def softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)
