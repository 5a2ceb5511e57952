"""Stopping: SIGTERM becomes a wish, and all ranks act on it at the same step.

transformers' own saving on SIGTERM is not agreed among ranks and falls between backward and
step; here ranks agree at the end of a step, and the Trainer saves as it always does.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

STOP = 2
SAVE = 1


class InterruptionError(Exception):
    """The job was stopped and can go on from a checkpoint."""

    def __init__(self, step: int) -> None:
        super().__init__(f"interrupted, checkpoint at step {step}")
        self.step = step


class StopRequest:
    """Whether this process was asked to stop: by SIGTERM, or by a file that the launcher makes.

    The file reaches a rank however early it comes: a signal would kill a rank that has not
    installed its handler yet.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self.asked = False

    def install(self) -> None:
        """Take SIGTERM as a request instead of as the end."""
        signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, _number: int, _frame: object) -> None:
        self.ask()

    def ask(self) -> None:
        """Stop at the next step's end."""
        self.asked = True
        if self.file is not None:
            self.file.touch()

    def __bool__(self) -> bool:
        return self.asked or (self.file is not None and self.file.exists())


class Agreement:
    """The largest of the ranks' small numbers, known to all of them.

    A gloo group of its own: it needs no GPU, so no CUDA stream has to wait for it.
    """

    def __init__(self) -> None:
        self.group = dist.new_group(backend="gloo") if dist.is_initialized() else None

    def largest(self, value: int) -> int:
        """One byte, all-reduced; about 0.1 ms on a local network."""
        if self.group is None:
            return value
        byte = torch.tensor([value], dtype=torch.uint8)
        dist.all_reduce(byte, op=dist.ReduceOp.MAX, group=self.group)
        return int(byte.item())

    def smallest(self, value: int) -> int:
        """The least of the ranks' whole numbers."""
        number = torch.tensor([value], dtype=torch.int64)
        if self.group is not None:
            dist.all_reduce(number, op=dist.ReduceOp.MIN, group=self.group)
        return int(number.item())

    def sums(self, values: Sequence[int]) -> list[int]:
        """Each of `values` added up over the ranks."""
        total = torch.tensor(values, dtype=torch.int64)
        if self.group is not None:
            dist.all_reduce(total, group=self.group)
        return total.tolist()

    def barrier(self) -> None:
        """Wait for all ranks of all hosts."""
        if self.group is not None:
            dist.barrier(self.group)


class StopCallback(TrainerCallback):
    """Saves and stops at a step boundary when any rank was asked to, and saves by the clock.

    At the last step of an epoch both wait for the epoch's evaluation: a checkpoint from before
    it would resume after it, and the evaluation would be lost.
    """

    def __init__(
        self,
        request: StopRequest,
        agreement: Agreement,
        minutes: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.request, self.agreement = request, agreement
        self.seconds, self.clock = minutes * 60, clock
        self.saved_at = clock()
        self.stopped = False
        self.owed = 0

    def on_step_end(
        self, _args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        self.owed = max(self.owed, self.agreement.largest(self.wish()))
        if float(state.epoch or 0).is_integer():
            self.owed = max(self.owed, SAVE if control.should_save else 0)
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
        if self.request:
            return STOP
        return SAVE if 0 < self.seconds <= self.clock() - self.saved_at else 0

    def act(self, control: TrainerControl) -> TrainerControl:
        if self.owed:
            control.should_save = True
        if self.owed == STOP:
            control.should_training_stop = self.stopped = True
        self.owed = 0
        return control
