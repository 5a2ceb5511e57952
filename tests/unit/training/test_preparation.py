"""What a training refuses before its first step, and what its checkpoints belong to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from training_base import Job

from contract.failures import UserError
from training import preparation
from training.callbacks import LoggingStepsCallback, PatienceCallback
from training.checkpointing.store import Origin
from training.data.channel import Channels
from training.distributed.collectives import Agreement
from training.distributed.stopping import StopRequest
from training.hyperparameters import Hyperparameters, parse
from training.model.base_model import BaseModel
from training.model.loss import ClassificationLoss


def asked(job: Job, **values: str) -> Hyperparameters:
    return parse({"model_name": str(job.paths.channel("model")), **values})


FIRST: Any = SimpleNamespace(local_process_index=0)


def test_a_checkpoint_belongs_to_the_rows_the_model_and_its_adaptation(base: BaseModel, channels: Channels) -> None:
    origin = preparation.make_origin(FIRST, channels, base, {})
    assert (origin.data, origin.validation) == (channels.train.fingerprint, channels.validation.fingerprint)
    assert preparation.make_origin(FIRST, channels, base, {"r": 4}).model != origin.model
    assert preparation.make_origin(FIRST, channels, base, {}) == origin


def test_one_rank_of_a_host_computes_what_checkpoints_belong_to(base: BaseModel, channels: Channels) -> None:
    others = SimpleNamespace(local_process_index=1)
    assert preparation.make_origin(others, channels, base, {}) == Origin("", "", "")


@pytest.mark.parametrize("sharding", [{"fsdp": "full_shard"}, {"deepspeed": {"stage": 2}}])
def test_lora_and_a_sharded_model_are_refused_together(sharding: dict[str, Any]) -> None:
    args = SimpleNamespace(**{"fsdp": "", "deepspeed": None} | sharding)
    with pytest.raises(UserError, match="^hyperparameters lora_r and fsdp or deepspeed are both set"):
        preparation.refuse_together(args, {"r": 4})
    preparation.refuse_together(args, None)


def test_the_order_depends_on_the_seed_of_the_data_where_there_is_one(channels: Channels) -> None:
    def orders(**values: Any) -> list[int]:
        args = SimpleNamespace(**{"seed": 1, "data_seed": None, "train_sampling_strategy": "random"} | values)
        return np.concatenate(preparation.make_order(args, channels.train, 8).batches(0)).tolist()

    assert orders() == orders(data_seed=1) == orders(data_seed=1, seed=5)
    assert orders() != orders(data_seed=2)


def test_patience_is_a_callback_where_it_is_set(job: Job) -> None:
    stop = preparation.make_stop(StopRequest(), Agreement(), asked(job))
    without = preparation.make_callbacks(stop, asked(job), None)
    having = preparation.make_callbacks(stop, asked(job, early_stopping_patience="2"), None)
    assert (without[0], having[0]) == (stop, stop)
    assert [type(each) for each in having[len(without) :]] == [PatienceCallback]


def test_logging_steps_that_are_given_are_kept(job: Job) -> None:
    def adapts(**values: str) -> bool:
        callbacks = preparation.make_callbacks(
            preparation.make_stop(StopRequest(), Agreement(), asked(job)), asked(job, **values), None
        )
        return any(isinstance(each, LoggingStepsCallback) for each in callbacks)

    assert adapts()
    assert not adapts(logging_steps="50")


def test_rare_classes_weigh_more_where_weights_are_balanced(job: Job, channels: Channels) -> None:
    args = SimpleNamespace(label_smoothing_factor=0.0)
    plain = preparation.make_loss(args, asked(job), channels.train)
    balanced = preparation.make_loss(args, asked(job, class_weights="balanced"), channels.train)
    assert isinstance(plain, ClassificationLoss) and isinstance(balanced, ClassificationLoss)
    assert plain.weights is None
    assert balanced.weights is not None and len(balanced.weights) == 2


def test_an_epoch_without_a_step_is_refused(channels: Channels) -> None:
    rows = len(channels.train.rows)
    for drop, step in ((True, rows), (False, rows + 1)):
        preparation.refuse_empty_epoch(SimpleNamespace(dataloader_drop_last=drop), channels.train, step)
    with pytest.raises(UserError, match=f"drop_last is true, but a step has {rows + 1} rows and channel train"):
        preparation.refuse_empty_epoch(SimpleNamespace(dataloader_drop_last=True), channels.train, rows + 1)
