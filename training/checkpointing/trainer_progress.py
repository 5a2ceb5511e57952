"""progress.json of a checkpoint: losses not logged yet and an interrupted evaluation, restored at a resume.

Trainer adds up the loss between log lines in attributes that no checkpoint of its own holds: after
a resume the first logged loss is of the steps since then, and train_loss of these alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from contract.files import read_json, write_json

if TYPE_CHECKING:
    from training.trainer import JobTrainer

FILE = "progress.json"
NAN = float("nan")


@dataclass(frozen=True)
class TrainerProgress:
    """The loss that was not logged yet, and all that was.

    Attributes:
        logged_step: step of the last logged loss.
        logged: sum of the losses of the steps until then.
        pending: sum of the losses since then, of each rank.
        evaluation_interrupted: whether a stop came in the midst of this step's evaluation.
    """

    logged_step: int
    logged: float
    pending: list[float]
    evaluation_interrupted: bool = False

    @classmethod
    def of(cls, trainer: JobTrainer) -> TrainerProgress:
        """What `trainer` knows now; called by all ranks."""
        pending = trainer.agreement.collect(float(trainer._tr_loss))
        return cls(
            trainer._globalstep_last_logged,
            trainer._total_loss_scalar,
            pending,
            trainer.progress.evaluation_interrupted,
        )

    @classmethod
    def read(cls, checkpoint: Path) -> TrainerProgress:
        content = read_json(checkpoint / FILE, "progress of the checkpoint")
        # What is not finite is null in JSON.
        content["logged"] = NAN if content["logged"] is None else content["logged"]
        content["pending"] = [NAN if loss is None else loss for loss in content["pending"]]
        return cls(**content)

    def write(self, checkpoint: Path) -> None:
        write_json(checkpoint / FILE, asdict(self))

    def restore(self, trainer: JobTrainer) -> None:
        """Have `trainer` count on from here; on another number of ranks each takes the mean."""
        rank, ranks = trainer.args.process_index, len(self.pending)
        pending = self.pending[rank] if ranks == trainer.args.world_size else sum(self.pending) / ranks
        trainer._tr_loss = torch.tensor(pending, device=trainer.args.device)
        trainer._total_loss_scalar = self.logged
        trainer._globalstep_last_logged = self.logged_step


class ProgressCallback(TrainerCallback):
    """Restores the progress once Trainer has set its own to nothing, and reruns an interrupted evaluation."""

    def __init__(self, trainer: JobTrainer) -> None:
        self.trainer = trainer
        self.progress: TrainerProgress | None = None
        self.evaluation_interrupted = False

    def on_train_begin(
        self, _args: TrainingArguments, _state: TrainerState, _control: TrainerControl, **_: Any
    ) -> None:
        if self.progress is not None:
            self.progress.restore(self.trainer)
            if self.progress.evaluation_interrupted:
                self.trainer.evaluate_and_save()
