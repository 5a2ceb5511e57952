"""Chooses decision_threshold for two classes on validation: best F1 or best accuracy."""

from __future__ import annotations

import numpy as np

from contract.failures import UserError
from training.evaluation.predictions import Predictions


def check(criterion: str, classes: int) -> None:
    """Raises UserError: a threshold is to be chosen, but there are not two classes."""
    if criterion != "none" and classes != 2:
        raise UserError(
            f"hyperparameter decision_threshold is {criterion}, but there are {classes} classes; expected 2"
        )


def choose(criterion: str, found: Predictions) -> float:
    """The threshold with the best f1 or accuracy on `found`; of equally good ones the nearest to a half.

    Args:
        criterion: best_f1 or best_accuracy.
        found: of two classes.
    """
    order = np.argsort(-found.probabilities[:, 1], kind="stable")
    probabilities, labels = found.probabilities[order, 1], found.labels[order]
    hits, alarms = np.cumsum(labels), np.cumsum(1 - labels)
    # A cut behind row i takes rows 0..i for class 1; between equal probabilities there is none.
    cuts: np.ndarray = np.append(np.flatnonzero(np.diff(probabilities)), len(labels) - 1)
    thresholds = (probabilities[cuts] + np.append(probabilities[cuts[:-1] + 1], probabilities[-1])) / 2
    if criterion == "best_f1":
        quality = 2 * hits[cuts] / (cuts + 1 + labels.sum())
    else:
        quality = (hits[cuts] - alarms[cuts]) / len(labels)
    best = np.flatnonzero(np.isclose(quality, quality.max()))
    return float(thresholds[best[np.argmin(np.abs(thresholds[best] - 0.5))]])
