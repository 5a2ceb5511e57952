"""transformers.Trainer with this image's checkpoints: written by all ranks, verified, loaded strictly."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from transformers import Trainer
from transformers.integrations.deepspeed import deepspeed_load_checkpoint
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME

from contract.failures import UserError
from contract.files import STAGING
from training.checkpointing import model_state, optimizer_state, saving, store
from training.checkpointing.hyperparameter_history import Stretch
from training.checkpointing.store import Origin
from training.data.sampler import Order, RankBatches
from training.distributed import sharding
from training.distributed.collectives import Agreement

if TYPE_CHECKING:
    from training.trainer import JobTrainer

log = logging.getLogger(__name__)


class CheckpointingTrainer(Trainer):
    """The half of JobTrainer that saves and loads.

    Args:
        order: of the training rows.
        origin: what the checkpoints belong to.
        agreement: of the ranks.
        in_force: all hyperparameters, as training.checkpointing.hyperparameter_history.in_force gives them.
        keyword arguments: Trainer's own.
    """

    def __init__(
        self, order: Order, origin: Origin, agreement: Agreement, in_force: Mapping[str, Any], **keywords: Any
    ) -> None:
        super().__init__(**keywords)
        self.batches = RankBatches(
            order,
            self.args.process_index,
            self.args.world_size,
            self.args.gradient_accumulation_steps,
            self.args.dataloader_drop_last,
        )
        self.origin, self.agreement = origin, agreement
        self.in_force, self.stretches = in_force, [Stretch(1, in_force)]
        self.root = Path(self.args.output_dir)
        # Steps of checkpoints: what this run went on from, and the newest that is there; None for none.
        self.resumed_from: int | None = None
        self.saved: int | None = None
        self.settings_changed = False
        self.best_before: tuple[float | None, int | None] = (None, None)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, torch.Tensor] | None = None) -> None:
        """Weights under the names in memory, and the configuration; `state_dict` is a sharded model's, gathered."""
        folder, model = Path(output_dir or self.args.output_dir), self.accelerator.unwrap_model(self.model)
        model_state.write(model.state_dict() if state_dict is None else state_dict, folder)
        model.config.save_pretrained(folder)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        """Load weights strictly: the model gets all of them, or none and an error."""
        folder = Path(resume_from_checkpoint)
        if self.is_deepspeed_enabled:
            deepspeed_load_checkpoint(self.model_wrapped, str(folder), load_module_strict=True)
        elif self.is_fsdp_enabled:
            # Other hosts may not have the folder.
            sharding.load(self, model_state.read(folder) if self.is_world_process_zero() else {})
        else:
            model_state.load(self.accelerator.unwrap_model(model or self.model), folder)

    def compare_trainer_and_checkpoint_args(self, *_: Any) -> None:
        """Nothing: hyperparameter_history compares all of them, and logs what each change does."""

    def _load_scaler(self, checkpoint: str | None) -> None:
        """As Trainer does, where this start scales the loss: a training in fp16 may go on in bf16 or fp32."""
        if self.accelerator.scaler is not None:
            super()._load_scaler(checkpoint)

    def _get_output_dir(self, trial: Any) -> str:  # noqa: ARG002 (Trainer passes it by name)
        return str(self.root / STAGING)

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        before = self.state.best_metric, self.state.best_global_step
        best = super()._determine_best_metric(metrics, trial)
        if best and self.args.save_strategy != "no":
            # The best model must be there to be delivered; Trainer names its step for two of the strategies alone.
            self.control.should_save = True
            self.state.best_global_step = self.state.global_step
            self.best_before = before
        return best

    def save(self) -> None:
        """A checkpoint of this step, written aside by all ranks and published by one.

        Raises:
            UserError: it cannot be written, and there is no earlier one to fall back on.
        """
        staging = self.root / STAGING
        if self.is_local_process_zero():
            shutil.rmtree(staging, ignore_errors=True)
        self.agreement.barrier()
        staged = staging / f"{store.PREFIX}{self.state.global_step}"
        problem = saving.write(self, staged) or saving.first_problem(self, [publish], staged)
        if self.is_local_process_zero():
            shutil.rmtree(staging, ignore_errors=True)
        if problem:
            self.go_on_without(problem)
        else:
            self.saved = self.state.global_step

    def go_on_without(self, problem: str) -> None:
        """A save that failed costs no more than what it would have saved, as long as there is an earlier one."""
        step = self.state.global_step
        if self.saved is None:
            raise UserError(
                f"the checkpoint of step {step} cannot be written to {self.root} ({problem}), and there is no earlier "
                "one; expected room for at least two checkpoints"
            )
        if self.state.best_global_step == step:
            self.state.best_metric, self.state.best_global_step = self.best_before
        if self.is_world_process_zero():
            log.error(
                "the checkpoint of step %d was not written: %s; the training goes on, with the one of step %d "
                "to fall back on",
                step,
                problem,
                self.saved,
            )

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """As Trainer does, with this start's learning rate, schedule and decay where they are not the checkpoint's.

        Trainer asks torch for the unknown device cpu:0 in a distributed run on CPUs.
        """
        groups = optimizer_state.hyperparameters(self.optimizer)
        if checkpoint is None or self.is_fsdp_enabled or self.is_deepspeed_enabled:
            super()._load_optimizer_and_scheduler(checkpoint)
        else:
            for name, part in ((OPTIMIZER_NAME, self.optimizer), (SCHEDULER_NAME, self.lr_scheduler)):
                part.load_state_dict(torch.load(Path(checkpoint) / name, map_location="cpu", weights_only=True))
        if checkpoint is not None and self.settings_changed:
            optimizer_state.restore(self.optimizer, self.lr_scheduler, groups)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """As Trainer does, also from a checkpoint that was written with another major version of NumPy.

        Its state of the random numbers names NumPy's function by the module of that version. torch.load with
        weights_only=True calls no function but those that are named here.
        """
        reconstruct = np.empty(0).__reduce__()[0]
        names = [f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core")]
        with torch.serialization.safe_globals([(reconstruct, name) for name in names]):
            super()._load_rng_state(checkpoint)


def publish(trainer: JobTrainer, staged: Path) -> None:
    """By the first rank: the manifest, the final name, and the end of what is too old."""
    if not trainer.is_world_process_zero():
        return
    state, args = trainer.state, trainer.args
    order = trainer.batches.order
    store.publish(staged, trainer.root / staged.name, state.global_step, args.world_size, order.batch, trainer.origin)
    best = {state.best_global_step} if state.best_global_step else set()
    store.prune(trainer.root, args.save_total_limit, best)
    log.info("saved %s", staged.name)
