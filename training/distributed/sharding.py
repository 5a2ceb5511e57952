"""FSDP and DeepSpeed through Trainer's arguments: full state dictionaries, and FSDP on CPUs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from accelerate.state import PartialState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin, load_fsdp_model

if TYPE_CHECKING:
    from training.trainer import JobTrainer

# The first host writes the checkpoint for all; the shards of the others would not be in it.
WHOLE_STATES = {"FSDP_STATE_DICT_TYPE": "FULL_STATE_DICT"}


def ask_for_whole_states() -> None:
    """Have accelerate gather model and optimizer for a checkpoint; there is no argument for it."""
    os.environ.update(WHOLE_STATES)


def enable_fsdp(trainer: JobTrainer) -> None:
    """FSDP where accelerate takes the processes for plain ones, and would train without a word: on CPUs."""
    trainer.accelerator.state.fsdp_plugin = FullyShardedDataParallelPlugin(**trainer.args.fsdp_plugin_args)
    trainer.accelerator.state.distributed_type = DistributedType.FSDP
    PartialState._shared_state["distributed_type"] = DistributedType.FSDP
    trainer.is_fsdp_enabled = True


def is_sharded(trainer: JobTrainer) -> bool:
    """Whether no rank has the whole model."""
    return bool(trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled)


def whole_state(trainer: JobTrainer) -> dict[str, torch.Tensor] | None:
    """The weights of a sharded model, gathered by all ranks for the first one; None of a model that is whole."""
    return trainer.accelerator.get_state_dict(trainer.model_wrapped) if is_sharded(trainer) else None


def load(trainer: JobTrainer, checkpoint: Path) -> None:
    """Put the weights of `checkpoint`, which the first host has, into the shards of all ranks."""
    if not trainer.is_fsdp_enabled:
        trainer._load_from_checkpoint(str(checkpoint), trainer.model_wrapped)
    else:
        # Trainer's own way asks every host for the files first.
        load_fsdp_model(
            trainer.accelerator.state.fsdp_plugin, trainer.accelerator, trainer.model_wrapped, str(checkpoint)
        )
