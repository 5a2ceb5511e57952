"""Values of hyperparameters that cannot work, refused before a process starts: ranges, missing packages, pairs."""

from __future__ import annotations

import importlib.util
import inspect
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, get_args

from contract.failures import UserError
from contract.options import declared
from training.hyperparameters import Hyperparameters, argument_kinds, choice
from training.options import TrainingOptions

INFINITY = math.inf
MOST_SEEDS = 2**32 - 1


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
        start = f"more than {self.low:g}" if self.low_open else f"at least {self.low:g}"
        if math.isinf(self.high):
            return start
        return f"{start} and {'less than' if self.high_open else 'at most'} {self.high:g}"


POSITIVE, NOT_NEGATIVE, FROM_ONE = Range(0, low_open=True), Range(0), Range(1)
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
    "dataloader_num_workers": NOT_NEGATIVE,
    "dataloader_prefetch_factor": FROM_ONE,
    "ddp_bucket_cap_mb": FROM_ONE,
    "ddp_timeout": FROM_ONE,
    "max_length": FROM_ONE,
    "validation_fraction": Range(0, 1, low_open=True, high_open=True),
    "pad_to_multiple_of": FROM_ONE,
    "tokens_per_batch": NOT_NEGATIVE,
    "early_stopping_patience": FROM_ONE,
    "lora_r": FROM_ONE,
    "lora_alpha": POSITIVE,
    "lora_dropout": SHARE_BELOW_ONE,
    "max_nonfinite_steps": FROM_ONE,
    "checkpoint_minutes": NOT_NEGATIVE,
    "grace_period": NOT_NEGATIVE,
    "master_port": Range(1, 65535),
}

# What a value of optim needs beyond PyTorch and transformers, by a part of its name; the first that fits counts.
OPTIMIZER_PACKAGES = {
    "galore": "galore_torch",
    "apollo": "apollo_torch",
    "bnb": "bitsandbytes",
    "paged": "bitsandbytes",
    "adamw_8bit": "bitsandbytes",
    "lion": "bitsandbytes",
    "ademamix": "bitsandbytes",
    "torch_4bit": "torchao",
    "torch_8bit": "torchao",
    "lomo": "lomo_optim",
    "grokadamw": "grokadamw",
    "schedule_free": "schedulefree",
    "stable_adamw": "optimi",
    "apex": "apex",
    "anyprecision": "torchdistx",
    "xla": "torch_xla",
    "npu": "torch_npu",
}


def check(given: Hyperparameters) -> None:
    """Refuse what cannot work, whatever the data and the model are.

    Raises:
        UserError: names the hyperparameter, its value and what is expected.
    """
    values = {**asdict(given.options), **given.arguments}
    check_ranges(values)
    check_choices(given.arguments)
    check_packages(given.arguments)
    check_pairs(values)


def check_ranges(values: Mapping[str, Any]) -> None:
    for name, expected in RANGES.items():
        value = values.get(name)
        if value is not None and not expected.holds(value):
            raise UserError(f"hyperparameter {name} is {value}, expected {expected}")
    steps = values.get("max_steps")
    if steps is not None and steps < 1 and steps != -1:
        raise UserError(f"hyperparameter max_steps is {steps}, expected at least 1, or -1 for none")


def check_choices(arguments: Mapping[str, Any]) -> None:
    """Refuse what is none of the values of a field of TrainingArguments that has a fixed set of them."""
    kinds = argument_kinds()
    for name, value in arguments.items():
        choices = next((kind for kind in nested(kinds[name]) if inspect.isclass(kind) and issubclass(kind, Enum)), None)
        if choices is None or value is None:
            continue
        known = [str(each.value) for each in choices]
        for text in value if isinstance(value, list) else str(value).split(" ") if name == "fsdp" else [value]:
            if choice(text) not in known and text != "":
                raise UserError(f"hyperparameter {name} is {text!r}, expected one of {', '.join(known)}")


def nested(kind: Any) -> Iterator[Any]:
    """The annotation `kind` and those within it, as str and list[str] in str | list[str]."""
    yield kind
    for part in get_args(kind):
        yield from nested(part)


def check_packages(arguments: Mapping[str, Any]) -> None:
    """Refuse optimizers, trackers and kernels whose package is not in this image."""
    optimizer = choice(arguments.get("optim") or "")
    needed = next((package for part, package in OPTIMIZER_PACKAGES.items() if part in optimizer), None)
    require(needed, f"optim is {optimizer!r}", "adamw_torch_fused, adafactor, sgd, adagrad or rmsprop")
    check_trackers(arguments.get("report_to"))
    if arguments.get("use_liger_kernel"):
        require("liger_kernel", "use_liger_kernel is true", "false")


def require(package: str | None, what: str, expected: str) -> None:
    if package is not None and importlib.util.find_spec(package) is None:
        raise UserError(
            f"hyperparameter {what}, which needs the package {package}, and it is not in this image; "
            f"expected {expected}, or an image that adds it"
        )


def check_trackers(value: Any) -> None:
    """Refuse what is in report_to, but is not known to transformers or not in this image."""
    # Imported late: it takes seconds, and most mistakes are found before.
    from transformers.integrations.integration_utils import (
        INTEGRATION_TO_CALLBACK,
        get_available_reporting_integrations,
    )

    available = get_available_reporting_integrations()
    for name in value if isinstance(value, list) else [value or "none"]:
        if name in ("none", "all") or name in available:
            continue
        if name in INTEGRATION_TO_CALLBACK:
            raise UserError(
                f"hyperparameter report_to is {name!r}, whose package is not in this image; expected none or one of "
                f"{', '.join(available)}, or an image that adds it"
            )
        known = ", ".join(sorted(INTEGRATION_TO_CALLBACK))
        raise UserError(f"hyperparameter report_to is {name!r}, expected none, all or one of {known}")


def check_pairs(values: Mapping[str, Any]) -> None:
    """Refuse values of which one leaves the other without effect."""
    strategy = values.get("eval_strategy")
    if values["early_stopping_patience"] is not None and choice(strategy) == "no":
        raise UserError(
            f"hyperparameter early_stopping_patience is {values['early_stopping_patience']}, but eval_strategy is no; "
            "expected epoch or steps"
        )
    if values.get("fp16") and values.get("bf16"):
        raise UserError("hyperparameters fp16 and bf16 are both true, expected one of them")
    if values.get("dataloader_prefetch_factor") is not None and values.get("dataloader_num_workers") == 0:
        raise UserError(
            f"hyperparameter dataloader_prefetch_factor is {values['dataloader_prefetch_factor']}, but "
            "dataloader_num_workers is 0; expected workers, or no dataloader_prefetch_factor"
        )
    defaults = {option.name: option.default for option in declared(TrainingOptions)}
    for name in ("lora_alpha", "lora_dropout", "lora_target_modules"):
        if values["lora_r"] is None and values[name] != defaults[name]:
            raise UserError(f"hyperparameter {name} is set, but lora_r is not; expected both")
    check_direction(values)


def check_direction(values: Mapping[str, Any]) -> None:
    """Refuse a greater_is_better that would deliver the worst model."""
    metric = (values.get("metric_for_best_model") or "loss").removeprefix("eval_")
    if values.get("greater_is_better") not in (None, metric != "loss"):
        raise UserError(
            f"hyperparameter greater_is_better is {str(values['greater_is_better']).lower()}, but the best {metric} is "
            f"the {'least' if metric == 'loss' else 'greatest'}; expected {str(metric != 'loss').lower()}, or none"
        )
