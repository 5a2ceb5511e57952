"""Scores are those of scikit-learn and scipy, called with whole arrays."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from training.evaluation.predictions import Predictions, softmax
from training.evaluation.scores import by_class, compute
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


def test_of_classes_that_do_not_occur() -> None:
    # Class 4 of 5 is predicted and never true, class 3 neither; scores have many ties.
    labels = RANDOM.integers(0, 3, 200)
    scores = (RANDOM.integers(1, 5, (200, 5)) + np.eye(5)[labels]) * [1, 1, 1, 0, 1]
    scores /= scores.sum(-1, keepdims=True)
    found, predicted = compute(Predictions(labels, scores)), scores.argmax(-1)
    assert set(predicted) == {0, 1, 2, 4}
    for average in ("macro", "micro", "weighted"):
        expected = metrics.f1_score(labels, predicted, average=average, zero_division=0)
        assert found[f"f1_{average}"] == pytest.approx(expected, abs=NEAR)
    assert found["f1"] == found["f1_macro"]
    assert found["mcc"] == pytest.approx(metrics.matthews_corrcoef(labels, predicted), abs=NEAR)
    one_hot = np.eye(5, dtype=int)[labels][:, :3]
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(one_hot, scores[:, :3]), abs=NEAR)
    precision = metrics.average_precision_score(one_hot, scores[:, :3])
    assert found["average_precision"] == pytest.approx(precision, abs=NEAR)


def test_of_one_label_that_rows_have_or_not() -> None:
    labels = (RANDOM.random((100, 1)) < 0.3).astype(np.float32)
    scores = labels * 0.4 + RANDOM.random((100, 1)) * 0.6
    found, predicted = compute(Predictions(labels, scores, MULTI_LABEL)), scores[:, 0] >= 0.5
    for name in ("f1", "f1_macro", "f1_micro", "f1_weighted"):
        assert found[name] == pytest.approx(metrics.f1_score(labels[:, 0], predicted), abs=NEAR)
    assert found["precision"] == pytest.approx(metrics.precision_score(labels[:, 0], predicted), abs=NEAR)
    assert found["recall"] == pytest.approx(metrics.recall_score(labels[:, 0], predicted), abs=NEAR)
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(labels[:, 0], scores[:, 0]), abs=NEAR)


@pytest.mark.parametrize("several", [False, True])
def test_of_each_class(several: bool) -> None:
    labels = (RANDOM.random((90, 4)) < [0.2, 0.5, 1, 0]).astype(np.float32) if several else RANDOM.integers(0, 3, 90)
    scores = RANDOM.random((90, 4))
    found = Predictions(labels, scores, MULTI_LABEL) if several else Predictions(labels, softmax(scores))
    predicted = (scores >= 0.7).astype(int) if several else None
    expected = metrics.precision_recall_fscore_support(
        labels, found.predicted if predicted is None else predicted, labels=range(4), zero_division=0
    )
    rows = [(each.precision, each.recall, each.f1, each.rows) for each in by_class(found, "abcd", predicted)]
    assert np.array(rows) == pytest.approx(np.array(expected).T, abs=NEAR)


@pytest.mark.parametrize("shares", [[0.1, 0.5, 0.7, 0.3], [0.1, 0.5, 1, 0]])
def test_of_several_labels(shares: list[float]) -> None:
    labels = (RANDOM.random((200, 4)) < shares).astype(np.float32)
    # In steps of a tenth, so that many are equal.
    scores = np.clip(labels * 0.3 + RANDOM.random((200, 4)) * 0.7, 0, 1).round(1)
    varied = [place for place in range(4) if 0 < shares[place] < 1]
    found, predicted = compute(Predictions(labels, scores, MULTI_LABEL)), (scores >= 0.5).astype(int)
    expected = {
        "subset_accuracy": metrics.accuracy_score(labels, predicted),
        "hamming_loss": metrics.hamming_loss(labels, predicted),
        "f1": metrics.f1_score(labels, predicted, average="macro"),
        "precision": metrics.precision_score(labels, predicted, average="macro", zero_division=0),
        "recall": metrics.recall_score(labels, predicted, average="macro", zero_division=0),
        **{
            f"f1_{each}": metrics.f1_score(labels, predicted, average=each, zero_division=0)
            for each in ("macro", "micro", "weighted")
        },
        "roc_auc": metrics.roc_auc_score(labels[:, varied], scores[:, varied]),
        "average_precision": metrics.average_precision_score(labels[:, varied], scores[:, varied]),
    }
    assert found == pytest.approx(expected, abs=NEAR)
    assert tuple(found) == SCORES[MULTI_LABEL]


def test_of_numbers() -> None:
    # Some numbers are equal, of which ranks are means.
    labels = RANDOM.normal(size=100).astype(np.float32).round(1)
    predicted = (labels + RANDOM.normal(size=100)).round(1)
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
