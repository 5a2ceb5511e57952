"""Metrics of a delivered model's answers as scikit-learn and scipy compute them, by problem type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import sklearn.metrics
from scipy import stats

from contract.card import MULTI_LABEL, REGRESSION, Card

AVERAGES = ("macro", "micro", "weighted")


def expected(labels: Sequence[str], answers: Sequence[Mapping[str, float]], card: Card) -> dict[str, float]:
    """The metrics by the names that the image logs, without prefix.

    Args:
        labels: as raw rows have them, several separated by |.
        answers: the score of each label, by name, of each row.
        card: of the delivered model, whose temperature does not apply.
    """
    scores = np.array([[row[name] for name in card.label_names] for row in answers])
    if card.problem_type == REGRESSION:
        return of_numbers(np.array(labels, dtype=float), scores[:, 0])
    if card.problem_type == MULTI_LABEL:
        truth = np.array([[int(name in label.split("|")) for name in card.label_names] for label in labels])
        found = of_labels(truth, (scores >= 0.5).astype(int))
        at = of_labels(truth, (scores >= np.array(card.label_thresholds)).astype(int))
        return {**found, **{f"{name}_at_threshold": value for name, value in at.items()}, **rankings(truth, scores)}
    classes = np.array([card.label_names.index(label) for label in labels])
    return {**of_two(classes, scores.argmax(-1)), **rankings(classes, scores[:, 1])}


def of_numbers(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    return {
        "rmse": sklearn.metrics.root_mean_squared_error(truth, predicted),
        "mae": sklearn.metrics.mean_absolute_error(truth, predicted),
        "pearson": stats.pearsonr(truth, predicted).statistic,
        "spearman": stats.spearmanr(truth, predicted).statistic,
    }


def of_labels(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Of several labels, (rows, labels) of 0 and 1."""
    return {
        **of_classes(truth, predicted, "macro"),
        "subset_accuracy": sklearn.metrics.accuracy_score(truth, predicted),
        "hamming_loss": sklearn.metrics.hamming_loss(truth, predicted),
    }


def of_two(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Of two classes."""
    return {
        **of_classes(truth, predicted, "binary"),
        "accuracy": sklearn.metrics.accuracy_score(truth, predicted),
        "mcc": sklearn.metrics.matthews_corrcoef(truth, predicted),
    }


def of_classes(truth: np.ndarray, predicted: np.ndarray, average: str) -> dict[str, float]:
    """What both have: precision, recall and F1 by `average`, and F1 by each of AVERAGES."""
    precision, recall, f1, _ = sklearn.metrics.precision_recall_fscore_support(truth, predicted, average=average)
    return {
        "f1": f1,
        "precision": precision,
        "recall": recall,
        **{f"f1_{name}": sklearn.metrics.f1_score(truth, predicted, average=name) for name in AVERAGES},
    }


def rankings(truth: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    return {
        "roc_auc": sklearn.metrics.roc_auc_score(truth, scores),
        "average_precision": sklearn.metrics.average_precision_score(truth, scores),
    }
