"""Predictions (scores and labels) collected from an evaluation, by problem type."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from training.metrics import confusion

# The least probability that is not taken for 0 where a logit is computed from it.
SMALLEST = 1e-300


@dataclass(frozen=True)
class Predictions:
    """Of one channel, in the order of evaluation.

    Attributes:
        labels: as training.data.labels has them for the problem type.
        scores: (rows, classes) float64, of which each row's sum is 1; (rows, labels) float64, the probability of each
            label; for regression (rows, 1) float64, the predicted number. As transformers' pipeline gives them.
        problem_type: as in contract.card.
    """

    labels: np.ndarray
    scores: np.ndarray
    problem_type: str = SINGLE_LABEL

    @property
    def predicted(self) -> np.ndarray:
        """(rows,) int64, most probable classes; (rows, labels) int64, 1 from a half on; or (rows,) float64, numbers."""
        if self.problem_type == REGRESSION:
            return self.scores[:, 0]
        if self.problem_type == MULTI_LABEL:
            return (self.scores >= 0.5).astype(np.int64)
        return self.scores.argmax(-1)

    @property
    def matrix(self) -> np.ndarray:
        """(classes, classes) int64: row = true class, column = predicted one; of one label a row."""
        return confusion(self.labels, self.predicted, self.scores.shape[1])

    def at(self, threshold: float | np.ndarray) -> np.ndarray:
        """What is predicted at a threshold.

        Args:
            threshold: of class 1 of two classes; or (labels,) float64, of several labels.

        Returns:
            (rows,) int64, class 1 from this probability on, class 0 below; or (rows, labels) int64, 0 or 1.
        """
        if self.problem_type == MULTI_LABEL:
            return (self.scores >= threshold).astype(np.int64)
        return (self.scores[:, 1] >= threshold).astype(np.int64)

    def scaled(self, temperature: float) -> Predictions:
        """With the scores of logits divided by `temperature`; of classes or labels."""
        logits = np.log(np.maximum(self.scores, SMALLEST))
        if self.problem_type == MULTI_LABEL:
            logits = logits - np.log(np.maximum(1 - self.scores, SMALLEST))
        return replace(self, scores=scores_of(logits / temperature, self.problem_type))


def scores_of(logits: np.ndarray, problem_type: str) -> np.ndarray:
    """Scores as transformers' pipeline computes them from logits: softmax, sigmoid, or the logits themselves.

    Args:
        logits: (rows, classes) float64.
    """
    if problem_type == REGRESSION:
        return logits
    if problem_type == MULTI_LABEL:
        return sigmoid(logits)
    return softmax(logits)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Of each value, without overflow."""
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1, small) / (1 + small)
