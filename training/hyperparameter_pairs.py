"""Hyperparameters of which one leaves another without effect: refused, or named in the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from contract.failures import UserError
from contract.options import declared
from contract.values import shown
from training.hyperparameters import choice
from training.metrics import ERRORS, known_scores
from training.options import TrainingOptions

# Fields that have an effect only where another one has one of these values.
NEEDS = {
    "gradient_checkpointing_kwargs": ("gradient_checkpointing", ("true",)),
    "liger_kernel_config": ("use_liger_kernel", ("true",)),
    "eval_steps": ("eval_strategy", ("steps",)),
    "eval_delay": ("eval_strategy", ("steps", "epoch")),
    "eval_on_start": ("eval_strategy", ("steps", "epoch")),
    "save_steps": ("save_strategy", ("steps",)),
    "logging_steps": ("logging_strategy", ("steps",)),
    "num_train_epochs": ("max_steps", ("-1",)),
}
# Their values where they are not given: the image's defaults on any device.
UNSET = {
    "gradient_checkpointing": "false",
    "use_liger_kernel": "false",
    "eval_strategy": "epoch",
    "save_strategy": "epoch",
    "logging_strategy": "steps",
    "max_steps": "-1",
}
# What transformers reads of optim_args, by optimizer; those that the image lacks are refused before.
OPTIMIZER_ARGUMENTS = {
    "sgd": ("momentum", "dampening", "weight_decay", "nesterov"),
    "adagrad": ("lr_decay", "weight_decay", "eps"),
    "rmsprop": ("momentum", "alpha", "eps", "weight_decay", "centered"),
    "adamw_torch": (),
    "adamw_torch_fused": (),
    "adafactor": (),
}
DEFAULT_OPTIMIZER = "adamw_torch_fused"

log = logging.getLogger(__name__)


def check(values: Mapping[str, Any]) -> None:
    """Refuse values that contradict each other, and log which have no effect.

    Args:
        values: all of TrainingOptions, and the fields of TrainingArguments that were given.

    Raises:
        UserError: names both hyperparameters and what is expected.
    """
    check_early_stopping(values)
    check_precision_and_loading(values)
    check_lora(values)
    check_layers(values)
    check_direction(values)
    check_optimizer_arguments(values)
    log_without_effect(values)


def check_early_stopping(values: Mapping[str, Any]) -> None:
    patience = values["early_stopping_patience"]
    if patience is not None and choice(values.get("eval_strategy")) == "no":
        raise UserError(
            f"hyperparameter early_stopping_patience is {patience}, but eval_strategy is no; expected epoch or steps"
        )


def check_precision_and_loading(values: Mapping[str, Any]) -> None:
    if values.get("fp16") and values.get("bf16"):
        raise UserError("hyperparameters fp16 and bf16 are both true, expected one of them")
    prefetched = values.get("dataloader_prefetch_factor")
    if prefetched is not None and values.get("dataloader_num_workers") == 0:
        raise UserError(
            f"hyperparameter dataloader_prefetch_factor is {prefetched}, but dataloader_num_workers is 0; expected "
            "workers, or no dataloader_prefetch_factor"
        )


def check_lora(values: Mapping[str, Any]) -> None:
    defaults = {option.name: option.default for option in declared(TrainingOptions)}
    for name in ("lora_alpha", "lora_dropout", "lora_target_modules"):
        if values["lora_r"] is None and values[name] != defaults[name]:
            raise UserError(f"hyperparameter {name} is set, but lora_r is not; expected both")


def check_layers(values: Mapping[str, Any]) -> None:
    """Refuse layers that are frozen or learn slower where others decide on what is trained."""
    for name in ("frozen_layers", "layer_decay"):
        for other in ("lora_r", "fsdp", "deepspeed"):
            if values[name] and values.get(other):
                raise UserError(f"hyperparameters {name} and {other} are both set, expected one of them")


def check_direction(values: Mapping[str, Any]) -> None:
    """Refuse a greater_is_better that would deliver the worst model; check_metric refuses an unknown metric."""
    metric = (values.get("metric_for_best_model") or "loss").removeprefix("eval_")
    is_error = metric in ERRORS
    if metric in known_scores() and values.get("greater_is_better") not in (None, not is_error):
        raise UserError(
            f"hyperparameter greater_is_better is {str(values['greater_is_better']).lower()}, but the best {metric} is "
            f"the {'least' if is_error else 'greatest'}; expected {str(not is_error).lower()}, or none"
        )


def check_optimizer_arguments(values: Mapping[str, Any]) -> None:
    """Refuse what the optimizer does not read of optim_args, and optim_target_modules where it reads none."""
    optimizer = choice(values.get("optim") or DEFAULT_OPTIMIZER)
    known = OPTIMIZER_ARGUMENTS.get(optimizer)
    if known is None:
        return
    if values.get("optim_target_modules"):
        raise UserError(
            f"hyperparameter optim_target_modules is set, but optim is {optimizer}, which trains all layers; expected "
            "galore or apollo in an image that adds them, or no optim_target_modules"
        )
    expected = f"expected name=value of {', '.join(known)}" if known else "which takes none; expected no optim_args"
    for part in (values.get("optim_args") or "").replace(" ", "").split(","):
        name, equals, _ = part.partition("=")
        if part and (not equals or name not in known):
            raise UserError(
                f"hyperparameter optim_args is {shown(values['optim_args'])}, but optim is {optimizer}, {expected}"
            )


def log_without_effect(values: Mapping[str, Any]) -> None:
    """Log each field that was given although another one turns off what it is for."""
    for name, (other, on) in NEEDS.items():
        if values.get(name) is None:
            continue
        state = str(choice(values.get(other, UNSET[other]))).lower()
        if state not in on:
            log.warning("%s has no effect: %s is %s", name, other, state)
