import numpy as np
import pytest

from contract.card import MULTI_LABEL
from training.evaluation.decision_threshold import choose
from training.evaluation.predictions import Predictions
from training.metrics import confusion, scores


def predictions(labels: np.ndarray, second: np.ndarray) -> Predictions:
    return Predictions(labels, np.stack([1 - second, second], axis=1))


@pytest.mark.parametrize("criterion", ["best_f1", "best_accuracy"])
@pytest.mark.parametrize("seed", range(5))
def test_no_other_threshold_is_better(criterion: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = (random.random(200) < 0.2).astype(np.int64)
    # Two digits, so that rows share a probability.
    found = predictions(labels, np.clip(0.3 * labels + random.random(200) * 0.6, 0, 1).round(2))
    name = criterion.removeprefix("best_")
    chosen = scores(confusion(labels, found.at(float(choose(criterion, found)[0])), 2))[name]
    others = [scores(confusion(labels, found.at(t), 2))[name] for t in np.linspace(0, 1, 401)]
    assert chosen == pytest.approx(max(others))
    assert chosen > scores(confusion(labels, found.at(0.5), 2))[name]


def test_of_equally_good_thresholds_the_nearest_to_a_half_is_taken() -> None:
    found = predictions(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9]))
    assert choose("best_f1", found) == pytest.approx([0.4])


def test_each_label_gets_the_threshold_that_is_best_for_it_alone() -> None:
    random = np.random.default_rng(0)
    labels = (random.random((200, 3)) < [0.2, 0.5, 0.0]).astype(np.float32)
    scores = np.clip(0.3 * labels + random.random((200, 3)) * 0.6, 0, 1)
    found = choose("best_f1", Predictions(labels, scores, MULTI_LABEL))
    alone = [choose("best_f1", predictions(labels[:, i].astype(np.int64), scores[:, i]))[0] for i in range(2)]
    # No row has the third label, so that no threshold is better than another.
    assert found.tolist() == [*alone, 0.5]
