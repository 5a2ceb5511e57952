"""Fine-tuning layer by layer: frozen layers, learning rates that fall towards the embeddings, dropout.

Source of layer-wise learning rate decay: J. Howard, S. Ruder, "Universal Language Model Fine-tuning for Text
Classification", ACL 2018, section 3.2 (discriminative fine-tuning).
"""

from __future__ import annotations

import re
from typing import Any

from torch import nn
from transformers import PreTrainedModel, Trainer, TrainingArguments

from contract.failures import UserError

# Names under which configurations have the shares that are dropped in training; None falls back on another of them.
DROPOUTS = re.compile(r"(\w*_)?(dropout|pdrop)(_prob|_rate|_p)?")


def encoder_layers(model: PreTrainedModel) -> nn.ModuleList | None:
    """The layers of the encoder: the first list of as many modules as the configuration says."""
    count = getattr(model.config.get_text_config(), "num_hidden_layers", None)
    lists = (each for each in model.modules() if isinstance(each, nn.ModuleList) and len(each) == count)
    return next(lists, None)


def depths(model: PreTrainedModel, option: str) -> dict[str, int]:
    """Of each parameter by name: 0 for embeddings, i + 1 for layer i, and the greatest for what comes after the layers.

    Args:
        option: hyperparameter that needs them, for the error.

    Raises:
        UserError: the model has no list of layers.
    """
    layers = encoder_layers(model)
    if layers is None:
        raise UserError(
            f"hyperparameter {option} is set, but the layers of a {model.config.model_type} model are not in one list; "
            f"expected no {option}"
        )
    of_layers = {id(tensor): i + 1 for i, layer in enumerate(layers) for tensor in layer.parameters()}
    found = {}
    for name, tensor in model.named_parameters():
        is_embedding = "embed" in name or re.search(r"\.w[tp]e\.", name) is not None
        found[name] = of_layers.get(id(tensor), 0 if is_embedding else len(layers) + 1)
    return found


def freeze(model: PreTrainedModel, count: int) -> None:
    """Keep the embeddings and the first `count` layers as they are.

    Raises:
        UserError: the model has fewer layers.
    """
    found = depths(model, "frozen_layers")
    most = max(found.values()) - 1
    if count > most:
        raise UserError(f"hyperparameter frozen_layers is {count}, expected at most the {most} layers of the model")
    for name, tensor in model.named_parameters():
        tensor.requires_grad_(found[name] > count)


def parameter_groups(model: PreTrainedModel, args: TrainingArguments, decay: float) -> list[dict[str, Any]]:
    """Groups for the optimizer: Trainer's two (with and without weight decay) of each depth, with its learning rate.

    What comes after the layers has learning_rate, and each layer `decay` times that of the one above it.
    """
    found = depths(model, "layer_decay")
    # Trainer's own rule; it takes nothing from the trainer.
    decayed = set(Trainer.get_decay_parameter_names(None, model))
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for name, tensor in model.named_parameters():
        if tensor.requires_grad:
            groups.setdefault((found[name], name in decayed), []).append(tensor)
    top = max(found.values())
    return [
        {
            "params": tensors,
            "weight_decay": args.weight_decay if is_decayed else 0.0,
            "lr": args.learning_rate * decay ** (top - depth),
        }
        for (depth, is_decayed), tensors in sorted(groups.items(), key=lambda each: each[0])
    ]


def optimizer_settings(
    model: PreTrainedModel, args: TrainingArguments, decay: float | None
) -> tuple[Any, dict[str, Any]] | None:
    """Trainer's argument optimizer_cls_and_kwargs, with the groups of `decay`; None where there is none."""
    if decay is None:
        return None
    kind, settings = Trainer.get_optimizer_cls_and_kwargs(args, model)
    return kind, {**settings, "params": parameter_groups(model, args, decay)}


def set_dropout(config: Any, share: float) -> None:
    """Have the model drop `share` wherever its configuration says how much is dropped.

    Raises:
        UserError: the configuration says it nowhere.
    """
    text = config.get_text_config()
    names = [
        name
        for name, value in text.to_dict().items()
        if DROPOUTS.fullmatch(name) and (value is None or isinstance(value, (int, float)))
    ]
    if not names:
        raise UserError(
            f"hyperparameter dropout is {share}, but the configuration of a {config.model_type} model has no dropout; "
            "expected none"
        )
    for name in names:
        setattr(text, name, share)
