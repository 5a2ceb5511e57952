"""Hyperparameters that do not suit the problem type of the data, or the labels of its validation rows, refused."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from transformers import TrainingArguments

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from contract.failures import UserError
from training.data.channel import Channels
from training.data.columns import TYPES
from training.hyperparameters import Hyperparameters
from training.metrics import SCORES

# Hyperparameters that are for some problem types alone, with the value that turns each off.
LIMITED: Mapping[str, tuple[Any, tuple[str, ...]]] = {
    "class_weights": ("none", (SINGLE_LABEL, MULTI_LABEL)),
    "label_smoothing_factor": (0.0, (SINGLE_LABEL, MULTI_LABEL)),
    "focal_gamma": (0.0, (SINGLE_LABEL, MULTI_LABEL)),
    "decision_threshold": ("none", (SINGLE_LABEL, MULTI_LABEL)),
    "temperature_scaling": (False, (SINGLE_LABEL, MULTI_LABEL)),
    "regression_loss": ("mse", (REGRESSION,)),
    "export_onnx": (False, (SINGLE_LABEL,)),
}
# Of larger numbers the squares, or the norm of their gradients over a model's weights, can exceed fp32 (3.4e38).
LARGEST_NUMBER = 1e15
# Root mean square of labels beyond which a warning says that smaller ones are learned sooner.
UNUSUAL_SCALE = 100.0

log = logging.getLogger(__name__)


def check(hyperparameters: Hyperparameters, args: TrainingArguments, channels: Channels) -> None:
    """Refuse what would have no effect, or could not be computed, on these channels.

    Raises:
        UserError: names the hyperparameter, its value and what is expected.
    """
    kind = channels.train.problem_type
    values = {**asdict(hyperparameters.options), "label_smoothing_factor": args.label_smoothing_factor}
    for name, (off, kinds) in LIMITED.items():
        if values[name] != off and kind not in kinds:
            raise UserError(
                f"hyperparameter {name} is {values[name]}, but problem_type is {kind}; expected {off}, or labels for "
                f"{' or '.join(kinds)}"
            )
    if values["export_onnx"] and TYPES in channels.train.rows.column_names:
        raise UserError(f"hyperparameter export_onnx is true, but rows are pairs with {TYPES}; expected false")
    classes = len(channels.train.label_names)
    if values["decision_threshold"] != "none" and kind == SINGLE_LABEL and classes != 2:
        raise UserError(
            f"hyperparameter decision_threshold is {values['decision_threshold']}, but there are {classes} classes; "
            "expected 2"
        )
    check_metric(args.metric_for_best_model, kind, channels.validation.labels)
    if kind == REGRESSION:
        check_numbers(channels, hyperparameters.options.regression_loss)


def check_numbers(channels: Channels, loss: str) -> None:
    """Refuse numbers whose squared errors and their gradients do not fit fp32; warn of numbers far from 0.

    Raises:
        UserError: names the channel and its largest number.
    """
    for name, channel in (("train", channels.train), ("validation", channels.validation), ("test", channels.test)):
        largest = float(np.abs(channel.labels).max()) if channel is not None else 0.0
        if loss == "mse" and largest > LARGEST_NUMBER:
            raise UserError(
                f"channel {name}: labels are as large as {largest:.3g}, so that squared errors exceed the numbers of "
                "fp32; expected labels scaled to about -10 to 10, or regression_loss=l1"
            )
    values = channels.train.labels.astype(np.float64)
    if (scale := float(np.sqrt(np.mean(values**2)))) > UNUSUAL_SCALE:
        log.warning(
            "labels of channel train are numbers of about %.3g (root mean square): outputs begin near 0 and change "
            "little in a step, so labels scaled to about -10 to 10 are learned in fewer steps",
            scale,
        )


def check_metric(metric: str | None, kind: str, labels: np.ndarray) -> None:
    """Refuse a metric_for_best_model that is of another problem type, or that validation leaves undefined.

    Args:
        labels: of the validation rows.
    """
    name = (metric or "loss").removeprefix("eval_")
    if name != "loss" and name not in SCORES[kind]:
        raise UserError(
            f"hyperparameter metric_for_best_model is {metric!r}, but problem_type is {kind}; expected one of loss, "
            f"{', '.join(SCORES[kind])}"
        )
    if name in ("roc_auc", "average_precision", "pearson", "spearman") and not varies(labels, kind):
        raise UserError(
            f"hyperparameter metric_for_best_model is {metric!r}, but all rows of channel validation have the same "
            "labels, of which it is not defined; expected loss, or other validation rows"
        )


def varies(labels: np.ndarray, kind: str) -> bool:
    """Whether there are rows with and without some label; of one class a row, of several classes."""
    return bool((labels != labels[0]).any()) if kind == SINGLE_LABEL else bool(np.ptp(labels, axis=0).any())
