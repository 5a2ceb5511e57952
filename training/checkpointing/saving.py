"""Saves a checkpoint from all ranks: model, optimizer, scheduler, random states; ranks exchange errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import torch
from safetensors import SafetensorError
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME, TRAINER_STATE_NAME
from transformers.trainer_callback import ExportableState

from training.checkpointing import hyperparameter_history
from training.checkpointing.trainer_progress import TrainerProgress
from training.distributed import sharding

if TYPE_CHECKING:
    from training.trainer import JobTrainer

# Writes a part of this rank's share of a checkpoint into a folder.
Part: TypeAlias = "Callable[[JobTrainer, Path], None]"
# What torch.save says when the system lets it write no further; it raises no OSError.
WRITER_MARKS = ("PytorchStreamWriter", "inline_container", "basic_ios", "iostream")


def write(trainer: JobTrainer, folder: Path) -> str:
    """Write the parts of this rank into `folder`; called by all ranks.

    Trainer's own saving waits for the other ranks midway, so that one that fails leaves them waiting.

    Args:
        folder: aside, on this host.

    Returns:
        What kept a rank from writing, the same text on all; empty if nothing did.
    """
    parts: list[Part] = [save_model, save_optimizer, save_schedule, save_random_state, gather_random_states, save_state]
    return first_problem(trainer, parts, folder)


def first_problem(trainer: JobTrainer, parts: list[Part], folder: Path) -> str:
    """Run `parts` until one fails on any rank. A part talks to other ranks before it writes, or not at all."""
    for part in parts:
        said = trainer.agreement.collect_bytes(attempt(part, trainer, folder).encode())
        problem = next((text.decode() for text in said if text), "")
        if problem:
            return problem
    return ""


def attempt(part: Part, trainer: JobTrainer, folder: Path) -> str:
    """What kept `part` from writing; empty if nothing did. Other failures are raised."""
    try:
        part(trainer, folder)
    except (OSError, SafetensorError) as error:
        return str(error) or type(error).__name__
    except RuntimeError as error:
        if not any(mark in str(error) for mark in WRITER_MARKS):
            raise
        return str(error).splitlines()[0]
    return ""


def save_model(trainer: JobTrainer, folder: Path) -> None:
    """Weights and configuration: Trainer gathers them (plain, FSDP, DeepSpeed), JobTrainer writes them."""
    trainer.store_flos()
    trainer.save_model(str(folder), _internal_call=True)


def save_optimizer(trainer: JobTrainer, folder: Path) -> None:
    """The optimizer's state; of DeepSpeed also its copy of the weights and the learning rate schedule."""
    if trainer.is_fsdp_enabled:
        sharding.save_optimizer(trainer, folder)
    elif trainer.is_deepspeed_enabled:
        trainer._save_optimizer_and_scheduler(str(folder))
    elif trainer.args.should_save:
        torch.save(trainer.optimizer.state_dict(), folder / OPTIMIZER_NAME)


def save_schedule(trainer: JobTrainer, folder: Path) -> None:
    """The learning rate schedule, and the loss scale of fp16."""
    if trainer.args.should_save and not trainer.is_deepspeed_enabled:
        torch.save(trainer.lr_scheduler.state_dict(), folder / SCHEDULER_NAME)
    trainer._save_scaler(str(folder))


def save_random_state(trainer: JobTrainer, folder: Path) -> None:
    trainer._save_rng_state(str(folder))


def gather_random_states(trainer: JobTrainer, folder: Path) -> None:
    """Those of every rank into the first host's folder, the only one that is kept."""
    states = trainer.agreement.collect_bytes(rng_file(trainer, folder).read_bytes())
    if trainer.is_world_process_zero() and len(states) > 1:
        for rank, content in enumerate(states):
            (folder / f"rng_state_{rank}.pth").write_bytes(content)


def rng_file(trainer: JobTrainer, folder: Path) -> Path:
    """Where Trainer puts the random states of this rank."""
    args = trainer.args
    return folder / ("rng_state.pth" if args.world_size <= 1 else f"rng_state_{args.process_index}.pth")


def save_state(trainer: JobTrainer, folder: Path) -> None:
    """Trainer's state with that of its callbacks, the progress, and the hyperparameters of each step."""
    progress = TrainerProgress.of(trainer)
    if trainer.is_world_process_zero():
        for part in [*trainer.callback_handler.callbacks, trainer.control]:
            if isinstance(part, ExportableState):
                trainer.state.stateful_callbacks[type(part).__name__] = part.state()
        trainer.state.save_to_json(str(folder / TRAINER_STATE_NAME))
        progress.write(folder)
        hyperparameter_history.write(folder, trainer.stretches)
