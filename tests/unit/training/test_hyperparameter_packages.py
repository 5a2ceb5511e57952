"""Hyperparameters that ask for a package."""

from __future__ import annotations

import pytest
from transformers.training_args import OptimizerNames

from contract.failures import UserError
from training import hyperparameter_packages
from training.hyperparameter_checks import check as check_all
from training.hyperparameters import parse


def check(**values: str) -> None:
    check_all(parse(values))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("optim", "adamw_bnb_8bit", "optim is 'adamw_bnb_8bit', which needs the package bitsandbytes"),
        ("report_to", "wandb", "report_to is 'wandb', whose package is not in this image; expected none or"),
        ("report_to", "paper", "report_to is 'paper', expected none, all or one of azure_ml"),
        ("optim", "adam", "optim is 'adam', expected one of .*adamw_torch_fused, adafactor, sgd, adagrad, rmsprop$"),
        ("use_liger_kernel", "true", "use_liger_kernel is true, which needs the package liger_kernel"),
    ],
)
def test_what_the_image_lacks_is_one_sentence(name: str, value: str, expected: str) -> None:
    with pytest.raises(UserError, match=f"^hyperparameter {expected}"):
        check(**{name: value})


def test_trackers_pass_where_their_package_and_their_server_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for value in ("none", "tensorboard"):
        check(report_to=value)
    for value in ("mlflow", "all"):
        with pytest.raises(UserError, match=f"report_to is '{value}', but MLFLOW_TRACKING_URI is not set"):
            check(report_to=value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    for value in ("mlflow", "all"):
        check(report_to=value)


def test_every_package_is_of_an_optimizer() -> None:
    values = [each.value for each in OptimizerNames]
    assert all(any(part in value for value in values) for part in hyperparameter_packages.OPTIMIZER_PACKAGES)
