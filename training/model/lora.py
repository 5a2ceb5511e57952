"""LoRA (Hu et al., 2021, arXiv:2106.09685) through peft: adapters in place, and merged for delivery.

The layers are put into the model in place, so that checkpoints hold the whole model and resume as any other; the
delivered model has them added to its weights, and looks like one that was trained in full.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from contract.failures import UserError
from training.options import TrainingOptions

log = logging.getLogger(__name__)


def wanted(options: TrainingOptions) -> dict[str, Any] | None:
    """The settings of LoRA that identify a checkpoint; None where all weights are trained."""
    if options.lora_r is None:
        return None
    return {
        "r": options.lora_r,
        "lora_alpha": options.lora_alpha,
        "lora_dropout": options.lora_dropout,
        "target_modules": list(options.lora_target_modules),
    }


def adapt(model: PreTrainedModel, settings: Mapping[str, Any]) -> None:
    """Freeze the encoder of `model` and put trainable layers of low rank beside its linear ones; the head learns whole.

    Raises:
        UserError: a layer that is named is not there.
    """
    # Imported late: it takes a second, and most jobs train in full.
    from peft import LoraConfig, inject_adapter_in_model

    targets = list(linear_layers(model, settings["target_modules"]))
    known = {name.rpartition(".")[2] for name in linear_layers(model, ())}
    unknown = [name for name in settings["target_modules"] if name not in known]
    if unknown:
        raise UserError(
            f"hyperparameter lora_target_modules has {', '.join(unknown)}, "
            f"expected some of the model's linear layers: {', '.join(sorted(known))}"
        )
    # Conv1D, the linear layer of GPT-2, keeps its weights transposed.
    transposed = all(isinstance(model.get_submodule(name), Conv1D) for name in targets)
    inject_adapter_in_model(LoraConfig(**{**settings, "target_modules": targets, "fan_in_fan_out": transposed}), model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad |= not name.startswith(f"{model.base_model_prefix}.")
    trained = sum(each.numel() for each in model.parameters() if each.requires_grad)
    log.info(
        "LoRA of rank %d on %d layers: %.2f%% of the weights learn",
        settings["r"],
        len(targets),
        100 * trained / sum(each.numel() for each in model.parameters()),
    )


def linear_layers(model: PreTrainedModel, last_names: list[str] | tuple[()]) -> Iterator[str]:
    """Full names of the encoder's linear layers, of those whose last part is in `last_names` unless it is empty."""
    for name, module in model.base_model.named_modules():
        if isinstance(module, nn.Linear | Conv1D) and (not last_names or name.rpartition(".")[2] in last_names):
            yield f"{model.base_model_prefix}.{name}"


def is_adapted(model: nn.Module) -> bool:
    """Whether `adapt` was applied to `model`."""
    return any(hasattr(module, "lora_A") for module in model.modules())


def merged(model: PreTrainedModel, weights: Mapping[str, torch.Tensor] | None) -> PreTrainedModel:
    """A plain model of what the adapted `model` has learnt, or of `weights` instead; `model` stays as it is."""
    whole = copy.deepcopy(model)
    if weights is not None:
        whole.load_state_dict(weights)
    for name, module in list(whole.named_modules()):
        if hasattr(module, "lora_A"):
            module.merge()
            parent, _, child = name.rpartition(".")
            setattr(whole.get_submodule(parent), child, module.get_base_layer())
    return whole
