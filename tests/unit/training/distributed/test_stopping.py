from pathlib import Path

import pytest
from transformers import TrainerControl, TrainerState

from training.distributed.collectives import Agreement
from training.distributed.stopping import EvaluationInterruptedError, StopCallback, StopRequest


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def step(
    callback: StopCallback, epoch: float, control: TrainerControl | None = None, last_step: int = 2
) -> TrainerControl:
    state = TrainerState(epoch=epoch, global_step=1, max_steps=last_step)
    return callback.on_step_end(None, state, control or TrainerControl())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def callback(clock: Clock) -> StopCallback:
    return StopCallback(StopRequest(), Agreement(), minutes=10, clock=clock)


def test_nothing_asked_changes_nothing(callback: StopCallback) -> None:
    control = step(callback, 0.5)
    assert (control.should_save, control.should_training_stop, callback.stopped) == (False, False, False)


def test_a_request_saves_and_stops_at_the_steps_end(callback: StopCallback) -> None:
    callback.request.ask()
    control = step(callback, 0.5)
    assert (control.should_save, control.should_training_stop, callback.stopped) == (True, True, True)


def test_a_stop_inside_an_epoch_neither_evaluates_nor_saves_again(callback: StopCallback) -> None:
    callback.request.ask()
    step(callback, 0.5)
    control = callback.on_epoch_end(
        None, TrainerState(epoch=0.5), TrainerControl(should_evaluate=True, should_save=True)
    )
    assert (control.should_evaluate, control.should_save) == (False, False)


def test_at_an_epochs_last_step_a_stop_waits_for_the_evaluation(callback: StopCallback) -> None:
    callback.request.ask()
    control = step(callback, 1.0, TrainerControl(should_save=True))
    assert (control.should_save, control.should_training_stop) == (False, False)
    control = callback.on_epoch_end(None, TrainerState(epoch=1.0), control)
    assert (control.should_save, control.should_training_stop) == (True, True)


def test_at_the_last_step_inside_an_epoch_a_save_waits_for_the_evaluation(callback: StopCallback) -> None:
    control = step(callback, 0.5, TrainerControl(should_save=True), last_step=1)
    assert not control.should_save
    control = callback.on_epoch_end(None, TrainerState(epoch=0.5), control)
    assert control.should_save


def test_a_stop_breaks_off_an_evaluation_of_the_training_alone(callback: StopCallback) -> None:
    callback.on_train_begin(None, None, None)
    callback.on_prediction_step(None, None, None)
    callback.request.ask()
    with pytest.raises(EvaluationInterruptedError):
        callback.on_prediction_step(None, None, None)
    assert callback.stopped
    callback.on_train_end(None, None, None)
    callback.on_prediction_step(None, None, None)


def test_it_saves_by_the_clock(callback: StopCallback, clock: Clock) -> None:
    clock.now = 599
    assert not step(callback, 0.5).should_save
    clock.now = 600
    assert step(callback, 0.5).should_save
    callback.on_save(None, None, None)
    assert not step(callback, 0.5).should_save


def test_the_grace_period_runs_from_the_request_on(tmp_path: Path) -> None:
    asked = StopRequest(tmp_path / "stop")
    asked.ask()
    for request in (asked, StopRequest(tmp_path / "stop")):
        assert 99 < request.seconds_left(100) <= 100


def test_a_host_that_was_not_asked_itself_has_the_whole_grace_period(tmp_path: Path) -> None:
    assert StopRequest(tmp_path / "stop").seconds_left(100) == StopRequest().seconds_left(100) == 100


def test_the_launchers_file_is_a_request(tmp_path: Path) -> None:
    request = StopRequest(tmp_path / "stop")
    assert not request
    StopRequest(tmp_path / "stop").ask()
    assert request
