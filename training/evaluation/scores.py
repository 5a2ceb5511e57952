"""Scores of predictions by problem type, as scikit-learn computes them; NaN-free: an undefined one is left out.

Accuracy, F1, precision and recall of one label: of two classes those of class 1, of more the means over the classes
that occur. Of several labels: the means over labels. Hamming loss: share of (row, label) that are wrong; subset
accuracy: share of rows of which all labels are right. ROC-AUC and average precision: of class 1, or the means over the
classes or labels of which there are rows with and without. Pearson's and Spearman's correlation of constant numbers
is 0. Sources: the user guide of scikit-learn, "Metrics and scoring"; T. Fawcett, "An introduction to ROC analysis",
Pattern Recognition Letters 27 (2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from sklearn import metrics as sklearn_metrics

from contract.card import MULTI_LABEL, REGRESSION
from training.evaluation.predictions import Predictions
from training.metrics import confusion, ratio
from training.metrics import scores as class_scores


@dataclass(frozen=True)
class ClassScores:
    """Of one class or label: rows that have it, and precision, recall and F1, each in 0..1."""

    name: str
    rows: int
    precision: float
    recall: float
    f1: float


def compute(found: Predictions) -> dict[str, float]:
    """All scores of `found`, by name; those of training.metrics.SCORES, of which labels of one kind leave some out."""
    if found.problem_type == REGRESSION:
        return of_numbers(found.labels.astype(np.float64), found.predicted)
    return {**of_decisions(found, found.predicted), **rankings(found)}


def of_decisions(found: Predictions, predicted: np.ndarray) -> dict[str, float]:
    """Scores that depend on what is predicted alone.

    Args:
        predicted: classes or labels, as Predictions.predicted or Predictions.at gives them.
    """
    labels = found.labels.astype(np.int64)
    # A single label that rows have or not is to scikit-learn two classes, of which the second counts.
    counted = [1] if labels.shape[1:] == (1,) else None
    of_labels: dict[str, Any] = {"labels": counted, "zero_division": 0}
    f1 = {
        f"f1_{average}": float(sklearn_metrics.f1_score(labels, predicted, average=average, **of_labels))
        for average in ("macro", "micro", "weighted")
    }
    if found.problem_type == MULTI_LABEL:
        precision, recall, _, _ = sklearn_metrics.precision_recall_fscore_support(
            labels, predicted, average="macro", **of_labels
        )
        return {
            "subset_accuracy": float((labels == predicted).all(-1).mean()),
            "hamming_loss": float((labels != predicted).mean()),
            "f1": f1["f1_macro"],
            "precision": float(precision),
            "recall": float(recall),
            **f1,
        }
    matrix = confusion(labels, predicted, found.scores.shape[1])
    # Of a single class there is no correlation, and scikit-learn warns before it says 0.
    mcc = float(sklearn_metrics.matthews_corrcoef(labels, predicted)) if np.ptp([labels, predicted]) else 0.0
    return {**class_scores(matrix), **f1, "mcc": mcc}


def rankings(found: Predictions) -> dict[str, float]:
    """ROC-AUC and average precision, of classes or labels that some rows have and others have not; else nothing."""
    several, classes = found.problem_type == MULTI_LABEL, found.scores.shape[1]
    areas, precisions = [], []
    for place in range(classes) if several or classes != 2 else [1]:
        # One class at a time: a matrix of 1,000 classes by all rows would take much memory.
        truth = found.labels[:, place] > 0.5 if several else found.labels == place
        if 0 < truth.sum() < len(truth):
            areas.append(sklearn_metrics.roc_auc_score(truth, found.scores[:, place]))
            precisions.append(sklearn_metrics.average_precision_score(truth, found.scores[:, place]))
    if not areas:
        return {}
    return {"roc_auc": float(np.mean(areas)), "average_precision": float(np.mean(precisions))}


def by_class(found: Predictions, names: Sequence[str], predicted: np.ndarray | None = None) -> list[ClassScores]:
    """The scores of each class or label; a ratio with nothing below the line is 0.

    Args:
        names: of the classes or labels.
        predicted: as Predictions.at gives it; none takes Predictions.predicted.
    """
    predicted = found.predicted if predicted is None else predicted
    if found.problem_type == MULTI_LABEL:
        true, answers = found.labels > 0.5, predicted > 0
        hits, rows, answered = (true & answers).sum(0), true.sum(0), answers.sum(0)
    else:
        matrix = confusion(found.labels, predicted, len(names))
        hits, rows, answered = np.diag(matrix), matrix.sum(1), matrix.sum(0)
    whole = hits.astype(float)
    parts = (ratio(whole, answered), ratio(whole, rows), ratio(2 * whole, rows + answered))
    return [
        ClassScores(name, int(count), *map(float, scores))
        for name, count, *scores in zip(names, rows, *parts, strict=True)
    ]


def of_numbers(labels: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Scores of regression.

    Args:
        labels, predicted: (rows,) float64.
    """
    varies = np.ptp(labels) > 0 and np.ptp(predicted) > 1e-12 * np.abs(predicted).max()
    return {
        "rmse": float(sklearn_metrics.root_mean_squared_error(labels, predicted)),
        "mae": float(sklearn_metrics.mean_absolute_error(labels, predicted)),
        "pearson": float(stats.pearsonr(labels, predicted).statistic) if varies else 0.0,
        "spearman": float(stats.spearmanr(labels, predicted).statistic) if varies else 0.0,
    }
