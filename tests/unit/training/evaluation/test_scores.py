"""Scores are those of scikit-learn and scipy, called with whole arrays."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from training.evaluation.predictions import Predictions, softmax
from training.evaluation.scores import compute
from training.metrics import SCORES

RANDOM = np.random.default_rng(0)
NEAR = 1e-9


@pytest.mark.parametrize("classes", [2, 3, 12])
def test_of_one_label(classes: int) -> None:
    labels = RANDOM.permutation(np.arange(300) % classes)
    probabilities = softmax(RANDOM.normal(size=(300, classes)) + np.eye(classes)[labels])
    found, predicted = compute(Predictions(labels, probabilities)), probabilities.argmax(-1)
    average = "binary" if classes == 2 else "macro"
    one_hot = np.eye(classes, dtype=int)[labels]
    expected = {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "f1": metrics.f1_score(labels, predicted, average=average),
        "precision": metrics.precision_score(labels, predicted, average=average, zero_division=0),
        "recall": metrics.recall_score(labels, predicted, average=average),
        **{f"f1_{each}": metrics.f1_score(labels, predicted, average=each) for each in ("macro", "micro", "weighted")},
        "mcc": metrics.matthews_corrcoef(labels, predicted),
        "roc_auc": metrics.roc_auc_score(labels, probabilities[:, 1])
        if classes == 2
        else metrics.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro"),
        "average_precision": metrics.average_precision_score(labels, probabilities[:, 1])
        if classes == 2
        else metrics.average_precision_score(one_hot, probabilities),
    }
    assert found == pytest.approx(expected, abs=NEAR)
    assert tuple(found) == SCORES[SINGLE_LABEL]


def test_of_several_labels() -> None:
    labels = (RANDOM.random((200, 4)) < [0.1, 0.5, 0.7, 0.3]).astype(np.float32)
    scores = np.clip(labels * 0.3 + RANDOM.random((200, 4)) * 0.7, 0, 1)
    found, predicted = compute(Predictions(labels, scores, MULTI_LABEL)), (scores >= 0.5).astype(int)
    expected = {
        "subset_accuracy": metrics.accuracy_score(labels, predicted),
        "hamming_loss": metrics.hamming_loss(labels, predicted),
        "f1": metrics.f1_score(labels, predicted, average="macro"),
        "precision": metrics.precision_score(labels, predicted, average="macro"),
        "recall": metrics.recall_score(labels, predicted, average="macro"),
        **{f"f1_{each}": metrics.f1_score(labels, predicted, average=each) for each in ("macro", "micro", "weighted")},
        "roc_auc": metrics.roc_auc_score(labels, scores),
        "average_precision": metrics.average_precision_score(labels, scores),
    }
    assert found == pytest.approx(expected, abs=NEAR)
    assert tuple(found) == SCORES[MULTI_LABEL]


def test_of_numbers() -> None:
    labels = RANDOM.normal(size=100).astype(np.float32)
    predicted = labels + RANDOM.normal(size=100)
    found = compute(Predictions(labels, predicted[:, None], REGRESSION))
    exact = labels.astype(np.float64)
    expected = {
        "rmse": metrics.mean_squared_error(exact, predicted) ** 0.5,
        "mae": metrics.mean_absolute_error(exact, predicted),
        "pearson": np.corrcoef(exact, predicted)[0, 1],
        "spearman": stats.spearmanr(exact, predicted)[0],
    }
    assert found == pytest.approx(expected, abs=NEAR)
    assert tuple(found) == SCORES[REGRESSION]


def test_what_is_not_defined_is_left_out_or_0() -> None:
    found = compute(Predictions(np.zeros(3, dtype=int), np.tile([0.6, 0.4], (3, 1))))
    assert "roc_auc" not in found and "average_precision" not in found and found["accuracy"] == 1
    # The first label is that of each row: the areas are of the second alone.
    labels, scores = np.array([[1, 0], [1, 1]], dtype=np.float32), np.array([[0.9, 0.2], [0.8, 0.3]])
    assert compute(Predictions(labels, scores, MULTI_LABEL))["roc_auc"] == 1
    constant = compute(Predictions(np.array([1.0, 2.0], dtype=np.float32), np.ones((2, 1)), REGRESSION))
    assert (constant["pearson"], constant["spearman"]) == (0, 0)
