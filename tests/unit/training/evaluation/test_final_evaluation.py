from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from training.evaluation import final_evaluation
from training.evaluation.predictions import Predictions
from training.options import TrainingOptions


def predictions(labels: list[int], second: list[float]) -> Predictions:
    probabilities = np.array(second)
    return Predictions(np.array(labels), np.stack([1 - probabilities, probabilities], axis=1))


# Every row of class 1 has at least 0.3: the best threshold lies below one half.
VALIDATION = predictions([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.9])
TEST = predictions([0, 1], [0.25, 0.35])


class Trainer:
    """Evaluates validation, then test, as far as judging asks."""

    def __init__(self) -> None:
        self.given: list[tuple[object, str]] = []
        self.compute_metrics = self

    def evaluate(self, rows: object = None, metric_key_prefix: str = "") -> dict[str, float]:
        self.given.append((rows, metric_key_prefix))
        return {f"{metric_key_prefix}_loss": 0.5}

    def evaluate_at(self, step: int) -> dict[str, float]:
        assert step == 7
        return self.evaluate(metric_key_prefix="eval")

    def take(self) -> Predictions:
        return VALIDATION if self.given[-1][1] == "eval" else TEST

    def is_world_process_zero(self) -> bool:
        return True


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(final_evaluation, "by_length", lambda channel: f"{channel} by length")
    return Trainer()


def test_the_threshold_is_chosen_on_validation_and_kept_to_on_test(
    trainer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        options = TrainingOptions(decision_threshold="best_accuracy")
        found = final_evaluation.judge(trainer, SimpleNamespace(test="test"), options, 7)  # type: ignore[arg-type]
    assert trainer.given == [(None, "eval"), ("test by length", "test")]
    assert found.thresholds is not None and 0.2 < found.thresholds[0] <= 0.3
    assert found.predictions == {"validation": VALIDATION, "test": TEST}
    assert found.metrics["decision_threshold"] == found.thresholds[0]
    assert found.metrics["eval_accuracy_at_threshold"] == 1.0
    # The row of class 0 has more than the threshold, too.
    assert found.metrics["test_accuracy_at_threshold"] == (0.5 if found.thresholds[0] <= 0.25 else 1.0)
    assert (found.metrics["eval_loss"], found.metrics["test_loss"]) == (0.5, 0.5)
    assert "eval_accuracy_at_threshold = 1" in caplog.text


def test_without_a_criterion_or_a_test_channel_there_is_calibration_alone(trainer: Any) -> None:
    found = final_evaluation.judge(trainer, SimpleNamespace(test=None), TrainingOptions(), 7)  # type: ignore[arg-type]
    assert found.thresholds is None
    assert found.metrics.keys() == {"eval_loss", "eval_calibration_error"}
    assert found.metrics["eval_calibration_error"] == pytest.approx((0.1 + 0.2 + 0.7 + 0.1) / 4)
