"""Expected calibration error: predictions in bins of confidence, with the accuracy of each.

Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks",
ICML 2017: rows in bins of equal width by the probability of their predicted class; the expected
calibration error is the mean gap between confidence and accuracy, weighted by rows. Several labels: each
label of a row counts as a row of its own, of the two classes that it has the label or not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contract.card import MULTI_LABEL
from training.evaluation.predictions import Predictions

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Rows whose confidence lies between `low` and `high`; mean confidence and accuracy of them."""

    low: float
    high: float
    rows: int
    confidence: float
    accuracy: float


def bins(found: Predictions, count: int = BINS) -> list[Bin]:
    """The bins that hold rows, by rising confidence."""
    if found.problem_type == MULTI_LABEL:
        confidence = np.maximum(found.scores, 1 - found.scores).reshape(-1)
        is_right = (found.predicted == found.labels).reshape(-1)
    else:
        confidence, is_right = found.scores.max(-1), found.predicted == found.labels
    places = np.minimum((confidence * count).astype(int), count - 1)
    return [
        Bin(place / count, (place + 1) / count, int(of.sum()), float(confidence[of].mean()), float(is_right[of].mean()))
        for place in range(count)
        if (of := places == place).any()
    ]


def expected_error(found: Predictions) -> float:
    """The expected calibration error, 0..1."""
    return sum(part.rows * abs(part.confidence - part.accuracy) for part in bins(found)) / found.labels.size
