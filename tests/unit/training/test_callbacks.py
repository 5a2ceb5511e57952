from types import SimpleNamespace
from typing import Any

import pytest
from transformers import TrainerControl, TrainerState

from training.callbacks import LoggingStepsCallback, PatienceCallback, worse_in_a_row


@pytest.mark.parametrize(
    ("values", "greater", "expected"),
    [([], False, 0), ([3, 2, 1], False, 0), ([3, 1, 2, 1], False, 2), ([1, 2, 1], True, 1), ([2, 2, 2], True, 2)],
)
def test_evaluations_since_the_best_are_counted(values: list[float], greater: bool, expected: int) -> None:
    assert worse_in_a_row(values, greater) == expected


@pytest.mark.parametrize(("losses", "stops"), [([0.5, 0.4, 0.6], False), ([0.5, 0.4, 0.6, 0.5], True)])
def test_it_stops_by_the_history_so_that_a_resumed_run_stops_too(losses: list[float], stops: bool) -> None:
    args: Any = SimpleNamespace(metric_for_best_model="loss", greater_is_better=False)
    history = [{"loss": 9.0, "step": 1}, *({"eval_loss": loss, "step": 2} for loss in losses)]
    control = PatienceCallback(2).on_evaluate(args, TrainerState(log_history=history), TrainerControl())
    assert control.should_training_stop is stops


@pytest.mark.parametrize(("patience", "stops"), [(2, True), (3, False)])
def test_a_training_that_had_stopped_early_does_not_train_on_when_it_starts_again(patience: int, stops: bool) -> None:
    args: Any = SimpleNamespace(metric_for_best_model="accuracy", greater_is_better=True)
    history = [{"eval_accuracy": value, "step": 2} for value in (0.9, 0.8, 0.7)]
    control = PatienceCallback(patience).on_train_begin(args, TrainerState(log_history=history), TrainerControl())
    assert control.should_training_stop is stops


@pytest.mark.parametrize(("steps", "interval"), [(2, 1), (10, 1), (120, 12), (500, 50), (10_000, 50)])
def test_a_short_training_logs_its_loss_more_often(steps: int, interval: int) -> None:
    args: Any = SimpleNamespace(logging_steps=50)
    state = TrainerState(max_steps=steps, logging_steps=50)
    LoggingStepsCallback().on_train_begin(args, state, TrainerControl())
    assert state.logging_steps == interval
