import numpy as np
import pytest

from contract.card import MULTI_LABEL, SINGLE_LABEL
from training.evaluation import temperature
from training.evaluation.predictions import Predictions, scores_of


def overconfident(kind: str) -> Predictions:
    """Predictions of logits that are three times what the labels were drawn by."""
    random = np.random.default_rng(0)
    logits = random.normal(size=(4000, 3))
    scores = scores_of(logits, kind)
    if kind == MULTI_LABEL:
        labels = (random.random(scores.shape) < scores).astype(np.float32)
    else:
        labels = (random.random((4000, 1)) < scores.cumsum(-1)).argmax(-1)
    return Predictions(labels, scores_of(3 * logits, kind), kind)


@pytest.mark.parametrize("kind", [SINGLE_LABEL, MULTI_LABEL])
def test_what_logits_were_multiplied_by_is_found(kind: str) -> None:
    found = overconfident(kind)
    chosen = temperature.choose(found)
    assert chosen == pytest.approx(3, rel=0.1)
    near = [temperature.cross_entropy(found.scaled(chosen * factor)) for factor in (0.9, 1.1)]
    assert temperature.cross_entropy(found.scaled(chosen)) < min(near)


def test_it_stays_1_where_another_would_raise_the_calibration_error(caplog: pytest.LogCaptureFixture) -> None:
    """One confident error of many rows outweighs in the cross entropy what it is in the calibration error."""
    labels = np.array([0] * 95 + [1] * 5)
    scores = np.array([[0.95, 0.05]] * 99 + [[1 - 1e-9, 1e-9]])
    found = Predictions(labels, scores, SINGLE_LABEL)
    assert temperature.choose(found) == 1.0
    assert "temperature stays 1: 1.4" in caplog.text
    assert "raises the calibration error from 0.0005 to 0.08" in caplog.text
