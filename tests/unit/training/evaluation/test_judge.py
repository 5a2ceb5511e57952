import math
from types import SimpleNamespace

import numpy as np
import pytest

from contract.card import MULTI_LABEL, REGRESSION
from training.evaluation.judge import Judge
from training.model.loss import ClassificationLoss, MultiLabelLoss, RegressionLoss


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
    assert kept.scores.sum(1) == pytest.approx(1)


def test_several_labels_and_numbers_are_judged_by_their_own_scores() -> None:
    labels = np.array([[1, 0], [0, 1]], dtype=np.float32)
    found = Judge(MultiLabelLoss(), MULTI_LABEL)(
        SimpleNamespace(predictions=np.array([[9, -9], [-9, -9]], dtype=np.float32), label_ids=labels)
    )
    assert (found["subset_accuracy"], found["hamming_loss"]) == (0.5, 0.25)
    numbers = SimpleNamespace(predictions=np.array([[1.0], [4.0]], dtype=np.float32), label_ids=np.array([1.0, 2.0]))
    assert Judge(RegressionLoss(), REGRESSION)(numbers)["mae"] == 1.0


def test_of_logits_that_are_no_numbers_there_is_a_loss_alone() -> None:
    logits = np.array([[math.nan, 0.0]], dtype=np.float32)
    found = Judge(ClassificationLoss())(SimpleNamespace(predictions=logits, label_ids=np.array([0])))
    assert math.isnan(found.pop("loss")) and not found
