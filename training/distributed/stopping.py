"""SIGTERM sets a flag, and all ranks stop at the same step: StopRequest, StopCallback, and the agreement of ranks.

transformers' own saving on SIGTERM is not agreed among ranks and falls between backward and
step; here ranks agree at the end of a step, and the Trainer saves as it always does.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training.distributed.collectives import Agreement
from training.divergence import NonFiniteSteps, diverged

# What a rank wants at a step's end; the ranks act on the largest. After a step whose loss is not finite nothing is
# saved: with save_total_limit the last checkpoints with finite weights would make room for others.
SAVE, STOP, NON_FINITE, DIVERGED = 1, 2, 3, 4


class InterruptionError(Exception):
    """The job was stopped and can go on from a checkpoint."""

    def __init__(self, step: int) -> None:
        super().__init__(f"interrupted, checkpoint at step {step}")
        self.step = step


class EvaluationInterruptedError(Exception):
    """SIGTERM arrived during an evaluation; all ranks leave it at the same batch."""


class StopRequest:
    """Whether this process is to stop: because of SIGTERM, or of a file that the launcher makes.

    The file reaches a rank however early it comes: a signal would kill a rank that has not
    installed its handler yet.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self.requested = False
        self.asked_at = 0.0

    def install(self) -> None:
        """Take SIGTERM as a request instead of as the end."""
        signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, _number: int, _frame: object) -> None:
        self.ask()

    def ask(self) -> None:
        """Stop at the next step's end."""
        self.asked_at = self.asked_at or time.time()
        self.requested = True
        if self.file is not None and not self.file.exists():
            self.file.touch()

    def __bool__(self) -> bool:
        return self.requested or (self.file is not None and self.file.exists())

    def seconds_left(self, grace: float) -> float:
        """Seconds until the grace period of `grace` seconds ends, which began with the request.

        All of them where no request reached this host: then another host's did, and the ranks agreed to stop.
        """
        if self.asked_at:
            since = self.asked_at
        elif self.file is not None and self.file.exists():
            since = self.file.stat().st_mtime
        else:
            return grace
        return since + grace - time.time()


class StopCallback(TrainerCallback):
    """Saves and stops all ranks at the same step once any rank received SIGTERM, and saves at intervals of time.

    At the last step of an epoch, or of the training, both wait for the evaluation that follows: a checkpoint from
    before it would resume after it, and the evaluation would be lost. A stop interrupts that evaluation, since it may
    outlast the grace period; the checkpoint then records that, and the evaluation is rerun at the resume.
    """

    def __init__(
        self,
        request: StopRequest,
        agreement: Agreement,
        minutes: float,
        clock: Callable[[], float] = time.monotonic,
        non_finite: NonFiniteSteps | None = None,
        max_non_finite: int = 1,
    ) -> None:
        self.request, self.agreement = request, agreement
        self.non_finite, self.max_non_finite = non_finite or NonFiniteSteps(), max_non_finite
        self.seconds, self.clock = minutes * 60, clock
        self.saved_at = clock()
        self.stopped = False
        self.pending = 0
        self.training = False

    def on_train_begin(
        self, _args: TrainingArguments, _state: TrainerState, _control: TrainerControl, **_: Any
    ) -> None:
        self.training = True

    def on_train_end(self, _args: TrainingArguments, _state: TrainerState, _control: TrainerControl, **_: Any) -> None:
        self.training = False

    def on_prediction_step(
        self, _args: TrainingArguments, _state: TrainerState, _control: TrainerControl, **_: Any
    ) -> None:
        if self.training and self.agreement.largest(STOP if self.request else 0):
            self.stopped = True
            raise EvaluationInterruptedError

    def on_step_end(
        self, _args: TrainingArguments, state: TrainerState, control: TrainerControl, **parts: Any
    ) -> TrainerControl:
        wish = self.agreement.largest(self.wish())
        if wish == DIVERGED:
            rate = parts["lr_scheduler"].get_last_lr()[0]
            raise diverged(state.global_step, self.max_non_finite, rate)
        if wish == NON_FINITE:
            control.should_save = False
            return control
        self.pending = max(self.pending, wish)
        if float(state.epoch or 0).is_integer() or state.global_step >= state.max_steps:
            self.pending = max(self.pending, SAVE if control.should_save else 0)
            control.should_save = False
            return control
        return self.act(control)

    def on_epoch_end(
        self, _args: TrainingArguments, _state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        if self.stopped:
            # Trainer comes here from the middle of an epoch too: that is no end to evaluate or save at.
            control.should_evaluate = control.should_save = False
            return control
        return self.act(control)

    def on_save(self, _args: TrainingArguments, _state: TrainerState, _control: TrainerControl, **_: Any) -> None:
        self.saved_at = self.clock()

    def wish(self) -> int:
        """What this rank wants at this step."""
        steps = self.non_finite.end_step()
        if steps:
            return DIVERGED if steps >= self.max_non_finite else NON_FINITE
        if self.request:
            return STOP
        return SAVE if 0 < self.seconds <= self.clock() - self.saved_at else 0

    def act(self, control: TrainerControl) -> TrainerControl:
        if self.pending:
            control.should_save = True
        if self.pending == STOP:
            control.should_training_stop = self.stopped = True
        self.pending = 0
        return control
