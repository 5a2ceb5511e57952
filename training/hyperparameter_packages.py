"""Optimizers, trackers and kernels that a hyperparameter asks for, refused where the image lacks their package."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from typing import Any

from contract.failures import UserError
from training.hyperparameters import choice

MLFLOW, MLFLOW_ADDRESS = "mlflow", "MLFLOW_TRACKING_URI"

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


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse optimizers, trackers and kernels whose package is not in this image."""
    optimizer = choice(arguments.get("optim") or "")
    package = missing_package(optimizer)
    if package is not None:
        raise missing(f"optim is {optimizer!r}", package, "adamw_torch_fused, adafactor, sgd, adagrad or rmsprop")
    check_trackers(arguments.get("report_to"))
    if arguments.get("use_liger_kernel") and not is_installed("liger_kernel"):
        raise missing("use_liger_kernel is true", "liger_kernel", "false")


def missing_package(optimizer: str) -> str | None:
    """The package that a value of optim needs, if the image lacks it."""
    package = next((package for part, package in OPTIMIZER_PACKAGES.items() if part in optimizer), None)
    return None if package is None or is_installed(package) else package


def is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def missing(what: str, package: str, expected: str) -> UserError:
    return UserError(
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
        if name in (MLFLOW, "all") and MLFLOW in available and not os.environ.get(MLFLOW_ADDRESS):
            raise UserError(
                f"hyperparameter report_to is {name!r}, but {MLFLOW_ADDRESS} is not set in the job's environment; "
                "expected the address of an MLflow server, or the ARN of SageMaker's"
            )
        if name in ("none", "all") or name in available:
            continue
        if name in INTEGRATION_TO_CALLBACK:
            raise UserError(
                f"hyperparameter report_to is {name!r}, whose package is not in this image; expected none or one of "
                f"{', '.join(available)}, or an image that adds it"
            )
        known = ", ".join(sorted(INTEGRATION_TO_CALLBACK))
        raise UserError(f"hyperparameter report_to is {name!r}, expected none, all or one of {known}")
