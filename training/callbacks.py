"""Trainer callbacks: the sampler's epoch, `name = value` log lines and how often, and early stopping."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training.data.sampler import RankBatches
from training.metrics import say

# Fewest log lines with a loss, unless there are fewer steps.
LEAST_POINTS = 10

log = logging.getLogger(__name__)


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


class LoggingStepsCallback(TrainerCallback):
    """Logs the loss at least LEAST_POINTS times where logging_steps is not given: a short training shows it too."""

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, _control: TrainerControl, **_: Any) -> None:
        state.logging_steps = min(args.logging_steps, max(state.max_steps // LEAST_POINTS, 1))
        if state.logging_steps < args.logging_steps and state.is_world_process_zero:
            log.info("logging_steps = %d by default: the training has %d steps", state.logging_steps, state.max_steps)


class PatienceCallback(TrainerCallback):
    """Ends the training after `patience` evaluations in a row that were no better than the best before.

    transformers' own callback counts in memory, so that a resumed run would start counting anew; the
    history of the evaluations is in every checkpoint.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        # A job that is started again after its early stop, but before its model was delivered.
        return self.on_evaluate(args, state, control)

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        name = f"eval_{args.metric_for_best_model or 'loss'}".replace("eval_eval_", "eval_")
        values = [entry[name] for entry in state.log_history if name in entry]
        if worse_in_a_row(values, bool(args.greater_is_better)) >= self.patience:
            control.should_training_stop = True
        return control


def worse_in_a_row(values: Sequence[float], greater_is_better: bool) -> int:
    """How many values there are since the first one that no later one beats."""
    if not values:
        return 0
    best = np.argmax(values) if greater_is_better else np.argmin(values)
    return len(values) - 1 - int(best)
