"""Series of logged values by step for the plots, from Trainer's log history: loss, scores, learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

History = Sequence[Mapping[str, Any]]
Series = dict[str, list[tuple[float, float]]]

# Of each problem type at most four.
QUALITY = {
    "accuracy": "eval_accuracy",
    "subset accuracy": "eval_subset_accuracy",
    "f1": "eval_f1",
    "precision": "eval_precision",
    "recall": "eval_recall",
    "pearson": "eval_pearson",
    "spearman": "eval_spearman",
}


def loss(history: History) -> Series:
    """The loss in training and on validation."""
    return {"training": series(history, "loss"), "validation": series(history, "eval_loss")}


def quality(history: History) -> Series:
    """The scores on validation."""
    return {name: series(history, logged) for name, logged in QUALITY.items()}


def pace(history: History) -> Series:
    """The learning rate."""
    return {"learning rate": series(history, "learning_rate")}


def series(history: History, name: str) -> list[tuple[float, float]]:
    """(step, value) wherever `name` was logged; of one step the last."""
    found = {float(entry["step"]): float(entry[name]) for entry in history if name in entry and "step" in entry}
    return sorted(found.items())
