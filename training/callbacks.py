"""Trainer callbacks: the sampler's epoch, `name = value` log lines, and early stopping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from contract.failures import UserError
from training.data.sampler import RankBatches
from training.metrics import say


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


class PatienceCallback(TrainerCallback):
    """Ends the training after `patience` evaluations in a row that were no better than the best before.

    transformers' own callback counts in memory, so that a resumed run would start counting anew; the
    history of the evaluations is in every checkpoint.
    """

    def __init__(self, patience: int) -> None:
        if patience < 1:
            raise UserError(f"hyperparameter early_stopping_patience is {patience}, expected at least 1")
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
