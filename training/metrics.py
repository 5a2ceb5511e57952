"""Confusion matrix, accuracy, F1, precision and recall from predictions; the `name = value` log lines.

Formulas: M. Sokolova, G. Lapalme, "A systematic analysis of performance measures for
classification tasks", Information Processing & Management 45 (2009). Two classes: the scores of
class 1. More: the mean over the classes that occur (macro). A ratio with nothing below the line is 0.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL

AVERAGES, RANKINGS = ("f1_macro", "f1_micro", "f1_weighted"), ("roc_auc", "average_precision")
# What an evaluation gives beside the loss, by problem type.
SCORES = {
    SINGLE_LABEL: ("accuracy", "f1", "precision", "recall", *AVERAGES, "mcc", *RANKINGS),
    MULTI_LABEL: ("subset_accuracy", "hamming_loss", "f1", "precision", "recall", *AVERAGES, *RANKINGS),
    REGRESSION: ("rmse", "mae", "pearson", "spearman"),
}
# Of these the least value is the best, of all others the greatest.
ERRORS = ("loss", "hamming_loss", "rmse", "mae")

log = logging.getLogger(__name__)


def known_scores() -> list[str]:
    """The loss and the scores of all problem types, each once."""
    return ["loss", *dict.fromkeys(name for names in SCORES.values() for name in names)]


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts, (classes, classes) int64: row = true class, column = predicted one."""
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def scores(matrix: np.ndarray) -> dict[str, float]:
    """accuracy, precision, recall and f1, each in 0..1, from a confusion matrix.

    Of more than two classes those count that occur, in the labels or the predictions, as in scikit-learn.
    """
    hits = np.diag(matrix).astype(float)
    precision, recall = ratio(hits, matrix.sum(0)), ratio(hits, matrix.sum(1))
    f1 = ratio(2 * precision * recall, precision + recall)
    occurs = matrix.sum(0) + matrix.sum(1) > 0
    classes = np.array([1]) if len(matrix) == 2 else np.flatnonzero(occurs)
    return {
        "accuracy": float(hits.sum() / max(matrix.sum(), 1)),
        "f1": float(f1[classes].mean()),
        "precision": float(precision[classes].mean()),
        "recall": float(recall[classes].mean()),
    }


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, and 0 where below is 0."""
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0)


def say(values: Mapping[str, Any]) -> None:
    """One `name = value` line each: what metric_definitions look for."""
    for name, value in values.items():
        log.info("%s = %s", name, text(value))


def text(value: Any) -> str:
    """A number so that it reads back the same to 6 digits; anything else as it is."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
