"""Chooses thresholds on validation, for two classes or for each of several labels: best F1 or best accuracy."""

from __future__ import annotations

import numpy as np

from contract.card import MULTI_LABEL
from training.evaluation.predictions import Predictions


def choose(criterion: str, found: Predictions) -> np.ndarray:
    """The thresholds with the best f1 or accuracy on `found`; of equally good ones the nearest to a half.

    Args:
        criterion: best_f1 or best_accuracy.
        found: of two classes, or of several labels.

    Returns:
        (1,) float64 for class 1, or (labels,) float64. A label that no row has keeps a half.
    """
    if found.problem_type == MULTI_LABEL:
        labels = found.labels.astype(np.int64)
        return np.array([best(criterion, labels[:, i], found.scores[:, i]) for i in range(labels.shape[1])])
    return np.array([best(criterion, found.labels, found.scores[:, 1])])


def best(criterion: str, labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The threshold of one label.

    Args:
        labels: (rows,) int64, 0 or 1.
        probabilities: (rows,) float64, of 1.
    """
    if not labels.any():
        return 0.5
    order = np.argsort(-probabilities, kind="stable")
    probabilities, labels = probabilities[order], labels[order]
    hits, alarms = np.cumsum(labels), np.cumsum(1 - labels)
    # A cut behind row i takes rows 0..i for class 1; between equal probabilities there is none.
    cuts: np.ndarray = np.append(np.flatnonzero(np.diff(probabilities)), len(labels) - 1)
    thresholds = (probabilities[cuts] + np.append(probabilities[cuts[:-1] + 1], probabilities[-1])) / 2
    if criterion == "best_f1":
        quality = 2 * hits[cuts] / (cuts + 1 + labels.sum())
    else:
        quality = (hits[cuts] - alarms[cuts]) / len(labels)
    equal = np.flatnonzero(np.isclose(quality, quality.max()))
    return float(thresholds[equal[np.argmin(np.abs(thresholds[equal] - 0.5))]])
