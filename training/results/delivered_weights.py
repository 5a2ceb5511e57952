"""The weights to deliver: those of the best evaluation, of the newest checkpoint without NaN, or the current ones."""

from __future__ import annotations

import logging

import torch.distributed as dist

from contract.failures import UserError
from training.checkpointing import best_checkpoint, model_state, store
from training.checkpointing.store import Checkpoint
from training.distributed import sharding
from training.trainer import JobTrainer

log = logging.getLogger(__name__)


def load(trainer: JobTrainer, best: bool) -> int:
    """Put the weights to deliver into the model on all ranks. Returns the step that they are of.

    Args:
        best: whether the best evaluation decides, as the option load_best_model_at_end says.
    """
    if trainer.diverged:
        return load_finite(trainer)
    return load_best(trainer) if best else trainer.state.global_step


def load_best(trainer: JobTrainer) -> int:
    """Put the weights of the best evaluation into the model on all ranks. Returns their step."""
    found = best_checkpoint.usable(trainer) if trainer.is_world_process_zero() else None
    return load_step(trainer, store.step_of(found) if found else 0) or trainer.state.global_step


def load_finite(trainer: JobTrainer) -> int:
    """Put the weights of the newest checkpoint that has no NaN into the model on all ranks. Returns their step.

    Raises:
        UserError: there is none.
    """
    step = 0
    if trainer.is_world_process_zero():
        usable = store.newest(trainer.root, infinite_weights)
        step = usable.step if usable else 0
    step = load_step(trainer, step)
    if not step:
        raise UserError("the training has diverged, and no checkpoint has weights that are all finite")
    return step


def infinite_weights(checkpoint: Checkpoint) -> str:
    return "" if model_state.is_finite(model_state.read(checkpoint.folder)) else "its weights are not all finite"


def load_step(trainer: JobTrainer, step: int) -> int:
    """Put the weights of the first rank's checkpoint of `step` into the model on all ranks; none where it is 0.

    Args:
        step: as the first rank knows it.

    Returns:
        The first rank's `step`.
    """
    step = int(max(trainer.agreement.collect(step)))
    folder = trainer.root / f"{store.PREFIX}{step}"
    if not step:
        return 0
    if sharding.is_sharded(trainer):
        trainer._load_from_checkpoint(str(folder), trainer.model_wrapped)
        return step
    model = trainer.accelerator.unwrap_model(trainer.model)
    if trainer.is_world_process_zero():
        model_state.load(model, folder)
    if trainer.args.world_size > 1:
        # Other hosts may not have the folder.
        for tensor in model.state_dict().values():
            dist.broadcast(tensor, src=0)
    return step
