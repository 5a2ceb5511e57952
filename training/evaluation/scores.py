"""Scores of predictions by problem type, as scikit-learn computes them; NaN-free: an undefined one is left out.

Accuracy, F1, precision and recall of one label: of two classes those of class 1, of more the means over the classes
that occur. Of several labels: the means over labels. Hamming loss: share of (row, label) that are wrong; subset
accuracy: share of rows of which all labels are right. ROC-AUC and average precision: of class 1, or the means over the
classes or labels of which there are rows with and without. Pearson's and Spearman's correlation of constant numbers
is 0. Sources: the user guide of scikit-learn, "Metrics and scoring"; T. Fawcett, "An introduction to ROC analysis",
Pattern Recognition Letters 27 (2006).
"""

from __future__ import annotations

import numpy as np
from scipy import stats
from sklearn import metrics as sklearn_metrics

from contract.card import MULTI_LABEL, REGRESSION
from training.evaluation.predictions import Predictions
from training.metrics import confusion
from training.metrics import scores as class_scores


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
    f1 = {
        f"f1_{average}": float(sklearn_metrics.f1_score(labels, predicted, average=average, zero_division=0))
        for average in ("macro", "micro", "weighted")
    }
    if found.problem_type == MULTI_LABEL:
        precision, recall, _, _ = sklearn_metrics.precision_recall_fscore_support(
            labels, predicted, average="macro", zero_division=0
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
    if found.problem_type == MULTI_LABEL:
        truth, scores = found.labels.astype(np.int64), found.scores
    elif found.scores.shape[1] == 2:
        truth, scores = found.labels[:, None], found.scores[:, 1:]
    else:
        truth = (found.labels[:, None] == np.arange(found.scores.shape[1])).astype(np.int64)
        scores = found.scores
    varied = [place for place in range(truth.shape[1]) if 0 < truth[:, place].sum() < len(truth)]
    if not varied:
        return {}
    areas = [sklearn_metrics.roc_auc_score(truth[:, place], scores[:, place]) for place in varied]
    precisions = [sklearn_metrics.average_precision_score(truth[:, place], scores[:, place]) for place in varied]
    return {"roc_auc": float(np.mean(areas)), "average_precision": float(np.mean(precisions))}


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
