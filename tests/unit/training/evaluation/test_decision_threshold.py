import numpy as np
import pytest

from contract.failures import UserError
from training.evaluation.decision_threshold import check, choose
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
    chosen = scores(confusion(labels, found.at(choose(criterion, found)), 2))[name]
    others = [scores(confusion(labels, found.at(t), 2))[name] for t in np.linspace(0, 1, 401)]
    assert chosen == pytest.approx(max(others))
    assert chosen > scores(confusion(labels, found.at(0.5), 2))[name]


def test_of_equally_good_thresholds_the_nearest_to_a_half_is_taken() -> None:
    found = predictions(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9]))
    assert choose("best_f1", found) == pytest.approx(0.4)


def test_more_than_two_classes_are_refused() -> None:
    with pytest.raises(UserError, match="decision_threshold is best_f1, but there are 3 classes; expected 2"):
        check("best_f1", 3)
    check("best_f1", 2)
    check("none", 3)
