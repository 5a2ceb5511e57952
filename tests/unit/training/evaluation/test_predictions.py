import numpy as np
import pytest

from contract.card import MULTI_LABEL, REGRESSION
from training.evaluation.predictions import Predictions, scores_of, sigmoid, softmax


def test_large_logits_do_not_overflow() -> None:
    assert softmax(np.array([[1000.0, 0.0]])).tolist() == [[1.0, 0.0]]


def test_a_threshold_belongs_to_class_one() -> None:
    found = Predictions(np.array([0, 1]), np.array([[0.7, 0.3], [0.2, 0.8]]))
    assert found.at(0.3).tolist() == [1, 1]
    assert found.at(0.31).tolist() == [0, 1]


def test_scores_are_those_of_the_pipeline_for_the_problem_type() -> None:
    logits = np.array([[800.0, -800.0], [0.5, 0.5]])
    assert scores_of(logits, MULTI_LABEL).tolist() == [[1.0, 0.0], [sigmoid(np.array(0.5))] * 2]
    assert scores_of(logits, REGRESSION) is logits


def test_labels_are_predicted_from_a_half_or_their_own_thresholds_on() -> None:
    found = Predictions(np.zeros((1, 3)), np.array([[0.5, 0.4, 0.9]]), MULTI_LABEL)
    assert found.predicted.tolist() == [[1, 0, 1]]
    assert found.at(np.array([0.6, 0.3, 0.9])).tolist() == [[0, 1, 1]]


@pytest.mark.parametrize("kind", ["single_label_classification", MULTI_LABEL])
def test_a_temperature_divides_logits(kind: str) -> None:
    logits = np.array([[2.0, -1.0, 0.5], [0.0, 30.0, -3.0]])
    found = Predictions(np.array([0, 1]), scores_of(logits, kind), kind).scaled(2.5)
    assert found.scores == pytest.approx(scores_of(logits / 2.5, kind), abs=1e-6)
