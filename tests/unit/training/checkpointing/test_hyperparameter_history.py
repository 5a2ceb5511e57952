"""Which hyperparameters a step was trained with, and what one that changes does."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from transformers import TrainingArguments

from contract.failures import UserError
from training.checkpointing import hyperparameter_history
from training.checkpointing.hyperparameter_history import Stretch
from training.options import TrainingOptions

SLOW, FAST = {"learning_rate": 1e-5}, {"learning_rate": 1e-3}


def test_a_change_begins_a_stretch_after_the_checkpoints_step() -> None:
    assert hyperparameter_history.continued([Stretch(1, SLOW)], 10, SLOW) == [Stretch(1, SLOW)]
    assert hyperparameter_history.continued([Stretch(1, SLOW)], 10, FAST) == [Stretch(1, SLOW), Stretch(11, FAST)]


def test_a_stretch_without_a_step_gives_way() -> None:
    begun = hyperparameter_history.continued([Stretch(1, SLOW)], 10, FAST)
    assert hyperparameter_history.continued(begun, 10, SLOW) == [Stretch(1, SLOW)]


def test_a_step_knows_what_it_was_trained_with() -> None:
    stretches = [Stretch(1, SLOW), Stretch(11, FAST)]
    assert [hyperparameter_history.at(stretches, step) for step in (0, 1, 10, 11, 99)] == [SLOW, SLOW, SLOW, FAST, FAST]


def test_they_come_back_from_a_checkpoint(tmp_path: Path) -> None:
    args = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, hub_token="secret", learning_rate=3e-4)
    values = hyperparameter_history.in_force(args, TrainingOptions(lora_target_modules=("query",)))
    hyperparameter_history.write(tmp_path, [Stretch(1, values)])
    assert hyperparameter_history.read(tmp_path) == [Stretch(1, values)]
    assert values["learning_rate"] == 3e-4
    assert values["lora_target_modules"] == ["query"]
    assert "token" not in json.dumps(sorted(values)).replace("tokens", "")


def test_what_changed_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert not hyperparameter_history.compare(SLOW, SLOW, 10)
        assert not caplog.text
        assert hyperparameter_history.compare(
            SLOW | {"per_device_train_batch_size": 8}, FAST | {"per_device_train_batch_size": 4}, 10
        )
    assert "learning_rate was 1e-05 until step 10 and is 0.001 from there on" in caplog.text
    assert "per_device_train_batch_size was 8 until step 10 and is 4 now; a step keeps its rows" in caplog.text


@pytest.mark.parametrize("name", hyperparameter_history.FIXED)
def test_what_cannot_change_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"hyperparameter {name} is b, but the checkpoint of step 10 was .* with a"):
        hyperparameter_history.compare({name: "a"}, {name: "b"}, 10)


def test_what_one_of_them_does_not_know_is_no_change() -> None:
    assert not hyperparameter_history.compare({"of an older image": 1}, {"of a newer image": 2}, 10)


def test_a_plateau_keeps_the_learning_rate_that_it_has_come_to(caplog: pytest.LogCaptureFixture) -> None:
    plateau = {"lr_scheduler_type": "reduce_lr_on_plateau"}
    with pytest.raises(UserError, match="hyperparameter learning_rate is 0.001, but the checkpoint of step 10"):
        hyperparameter_history.compare(SLOW | plateau, FAST | plateau, 10)
    assert not hyperparameter_history.compare(FAST | plateau, FAST | plateau, 10)
