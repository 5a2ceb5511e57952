import math
from types import SimpleNamespace

import numpy as np
import pytest

from training.evaluation.predictions import Judge, Predictions, softmax
from training.model.loss import ClassificationLoss


def test_a_judge_scores_and_keeps_what_it_saw() -> None:
    judge = Judge(ClassificationLoss())
    with pytest.raises(RuntimeError):
        judge.take()
    logits = np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0]], dtype=np.float32)
    found = judge(SimpleNamespace(predictions=(logits, None), label_ids=np.array([0, 1, 1])))
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["loss"] == pytest.approx(
        (math.log1p(math.exp(-2)) + math.log1p(math.exp(-1)) + math.log1p(math.exp(2))) / 3
    )
    kept = judge.take()
    assert kept.predicted.tolist() == [0, 1, 0]
    assert kept.matrix.tolist() == [[1, 0], [1, 1]]
    assert kept.probabilities.sum(1) == pytest.approx(1)


def test_large_logits_do_not_overflow() -> None:
    assert softmax(np.array([[1000.0, 0.0]])).tolist() == [[1.0, 0.0]]


def test_a_threshold_belongs_to_class_one() -> None:
    found = Predictions(np.array([0, 1]), np.array([[0.7, 0.3], [0.2, 0.8]]))
    assert found.at(0.3).tolist() == [1, 1]
    assert found.at(0.31).tolist() == [0, 1]
