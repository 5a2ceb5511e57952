"""Trainer callbacks that set the sampler's epoch and log each value as a `name = value` line."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training.metrics import say
from training.order import RankBatches


class EpochCallback(TrainerCallback):
    """Tells the batches which epoch they are of."""

    def __init__(self, batches: RankBatches) -> None:
        self.batches = batches

    def on_epoch_begin(self, _args: TrainingArguments, state: TrainerState, _control: TrainerControl, **_: Any) -> None:
        self.batches.set_epoch(int(state.epoch or 0))


class LogCallback(TrainerCallback):
    """Each logged value as a `name = value` line, by the first rank."""

    def on_log(
        self,
        _args: TrainingArguments,
        state: TrainerState,
        _control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        if state.is_world_process_zero:
            say({"step": state.global_step, **(logs or {})})
