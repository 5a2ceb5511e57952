"""FSDP and DeepSpeed through Trainer's arguments: full state dictionaries, and FSDP on CPUs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from accelerate.state import PartialState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin, save_fsdp_optimizer
from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

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


def load(trainer: JobTrainer, weights: dict[str, torch.Tensor]) -> None:
    """Put `weights` into the shards of all ranks of FSDP, all of them and no others.

    Args:
        weights: of the whole model; the first rank's are broadcast, others give none.
    """
    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True, strict=True)
    set_model_state_dict(trainer.model_wrapped, weights, options=options)


def save_optimizer(trainer: JobTrainer, folder: Path) -> None:
    """Gather the optimizer's state from all ranks of FSDP; the first one writes it to `folder`."""
    accelerator = trainer.accelerator
    save_fsdp_optimizer(accelerator.state.fsdp_plugin, accelerator, trainer.optimizer, trainer.model, str(folder))
