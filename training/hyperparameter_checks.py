"""Values of hyperparameters that cannot work, refused before a process starts: ranges, names, choices."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from types import NoneType
from typing import Any, get_args

from contract.failures import UserError
from contract.values import shown
from training import hyperparameter_packages, hyperparameter_pairs
from training.hyperparameters import Hyperparameters, argument_kinds, choice

INFINITY = math.inf
MOST_SEEDS = 2**32 - 1
# Python and PyTorch take no larger number for a size.
LARGEST = 2**31 - 1
# Characters of a part of a path (NAME_MAX of Linux).
LONGEST_PART = 255
MOST_WORKERS = MOST_PROCESSES = 1024


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`; an end that is `open` is not among them."""

    low: float
    high: float = INFINITY
    low_open: bool = False
    high_open: bool = False

    def holds(self, value: float) -> bool:
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        return math.isfinite(value) and above and below

    def __str__(self) -> str:
        start = f"more than {self.low}" if self.low_open else f"at least {self.low}"
        if self.high in (INFINITY, LARGEST):
            return start
        return f"{start} and {'less than' if self.high_open else 'at most'} {self.high}"


POSITIVE, NOT_NEGATIVE, FROM_ONE = Range(0, low_open=True), Range(0), Range(1, LARGEST)
SHARE, SHARE_BELOW_ONE = Range(0, 1), Range(0, 1, high_open=True)

# By name of the field; none, where a field may be none, is not looked at.
RANGES = {
    "per_device_train_batch_size": FROM_ONE,
    "per_device_eval_batch_size": FROM_ONE,
    "gradient_accumulation_steps": FROM_ONE,
    "num_train_epochs": POSITIVE,
    "learning_rate": POSITIVE,
    "warmup_steps": NOT_NEGATIVE,
    "warmup_ratio": SHARE,
    "weight_decay": NOT_NEGATIVE,
    "adam_beta1": SHARE_BELOW_ONE,
    "adam_beta2": SHARE_BELOW_ONE,
    "adam_epsilon": NOT_NEGATIVE,
    "max_grad_norm": NOT_NEGATIVE,
    "label_smoothing_factor": SHARE_BELOW_ONE,
    "neftune_noise_alpha": NOT_NEGATIVE,
    "torch_empty_cache_steps": FROM_ONE,
    "logging_steps": POSITIVE,
    "eval_steps": POSITIVE,
    "save_steps": POSITIVE,
    "eval_delay": NOT_NEGATIVE,
    "eval_accumulation_steps": FROM_ONE,
    "save_total_limit": FROM_ONE,
    "seed": Range(0, MOST_SEEDS),
    "data_seed": Range(0, MOST_SEEDS),
    "dataloader_num_workers": Range(0, MOST_WORKERS),
    "dataloader_prefetch_factor": FROM_ONE,
    "ddp_bucket_cap_mb": FROM_ONE,
    "ddp_timeout": FROM_ONE,
    "max_length": FROM_ONE,
    "validation_fraction": Range(0, 1, low_open=True, high_open=True),
    "pad_to_multiple_of": FROM_ONE,
    "tokens_per_batch": Range(0, LARGEST),
    "early_stopping_patience": FROM_ONE,
    "lora_r": FROM_ONE,
    "lora_alpha": POSITIVE,
    "lora_dropout": SHARE_BELOW_ONE,
    "focal_gamma": NOT_NEGATIVE,
    "frozen_layers": NOT_NEGATIVE,
    "layer_decay": Range(0, 1, low_open=True),
    "dropout": SHARE_BELOW_ONE,
    "max_nonfinite_steps": FROM_ONE,
    "checkpoint_minutes": NOT_NEGATIVE,
    "grace_period": NOT_NEGATIVE,
    "processes_per_host": Range(1, MOST_PROCESSES),
    "master_port": Range(1, 65535),
}

# Fields that transformers takes any text for, and what it knows of them.
NAMES = {
    "include_num_input_tokens_seen": ("all", "non_padding", "no", "true", "false"),
    "torch_compile_mode": ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"),
    "ddp_backend": ("nccl", "gloo", "mpi", "xccl", "hccl"),
}
OBJECTS = ("lr_scheduler_kwargs", "gradient_checkpointing_kwargs", "liger_kernel_config")
# Fields with a fixed set of values that an empty text is none of.
REQUIRED = ("optim", "lr_scheduler_type", "eval_strategy", "save_strategy", "logging_strategy")


def check(given: Hyperparameters) -> None:
    """Refuse what cannot work, whatever the data and the model are.

    Raises:
        UserError: names the hyperparameter, its value and what is expected.
    """
    values = {**asdict(given.options), **given.arguments}
    check_ranges(values)
    check_model_name(given.options.model_name)
    check_objects(given.arguments)
    check_choices(given.arguments)
    check_names(given.arguments)
    hyperparameter_packages.check(given.arguments)
    hyperparameter_pairs.check(values)
    # Imported late: it takes seconds, and most mistakes are found before.
    from training.arguments import fsdp_settings
    from training.data.delimited import text_settings

    text_settings(given.options)
    fsdp_settings(given.arguments.get("fsdp"), given.arguments.get("fsdp_config"))


def check_model_name(name: str | None) -> None:
    """Refuse what can be neither a path nor a name on the hub: the system raises an error for each look-up of it."""
    if name is not None and ("\0" in name or max(map(len, name.split("/"))) > LONGEST_PART):
        raise UserError(f"hyperparameter model_name is {shown(name)}, expected a model's folder or its name on the hub")


def check_ranges(values: Mapping[str, Any]) -> None:
    for name, expected in RANGES.items():
        value = values.get(name)
        if value is not None and not expected.holds(value):
            expects = f"at most {LARGEST}" if LARGEST < value < INFINITY and expected.high == LARGEST else expected
            raise UserError(f"hyperparameter {name} is {value}, expected {expects}")
    steps = values.get("max_steps")
    if steps is not None and steps != -1 and not FROM_ONE.holds(steps):
        raise UserError(f"hyperparameter max_steps is {steps}, expected at least 1, or -1 for none")


def check_objects(arguments: Mapping[str, Any]) -> None:
    """Refuse what is no JSON object where transformers takes any text for one."""
    for name in OBJECTS:
        if not isinstance(arguments.get(name, {}), (dict, NoneType)):
            raise UserError(f"hyperparameter {name} is {shown(arguments[name])}, expected a JSON object")


def check_names(arguments: Mapping[str, Any]) -> None:
    """Refuse what is none of the names that PyTorch, accelerate or transformers know, where a field is any text."""
    # Imported late: it takes seconds, and most mistakes are found before.
    from accelerate.utils import DynamoBackend
    from transformers.utils.logging import get_log_levels_dict

    from training.data.sampler import STRATEGIES

    levels = (*get_log_levels_dict(), "passive")
    known = NAMES | {
        "log_level": levels,
        "log_level_replica": levels,
        "train_sampling_strategy": STRATEGIES,
        "torch_compile_backend": tuple(each.value.lower() for each in DynamoBackend),
    }
    for name, names in known.items():
        value = arguments.get(name)
        if value is not None and str(value).lower() not in names:
            raise UserError(f"hyperparameter {name} is {shown(value)}, expected one of {', '.join(names)}")


def check_choices(arguments: Mapping[str, Any]) -> None:
    """Refuse what is none of the values of a field of TrainingArguments that has a fixed set of them."""
    kinds = argument_kinds()
    for name, value in arguments.items():
        choices = next((kind for kind in nested(kinds[name]) if inspect.isclass(kind) and issubclass(kind, Enum)), None)
        if choices is None or value is None:
            continue
        known = [str(each.value) for each in choices]
        # Those whose package is missing are refused with its name below.
        usual = [text for text in known if name != "optim" or hyperparameter_packages.missing_package(text) is None]
        for text in value if isinstance(value, list) else str(value).split(" ") if name == "fsdp" else [value]:
            if choice(text) not in known and (text != "" or name in REQUIRED):
                raise UserError(f"hyperparameter {name} is {shown(text)}, expected one of {', '.join(usual)}")


def nested(kind: Any) -> Iterator[Any]:
    """The annotation `kind` and those within it, as str and list[str] in str | list[str]."""
    yield kind
    for part in get_args(kind):
        yield from nested(part)
