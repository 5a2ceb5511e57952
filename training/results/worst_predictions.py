"""The rows of which the model is most wrong, shortened, for report.html."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contract.card import MULTI_LABEL, REGRESSION
from contract.page import percent
from training.data.channel import Channel, by_length
from training.data.columns import PAIR, TEXT
from training.evaluation.predictions import Predictions

MOST, CHARACTERS = 12, 400


@dataclass(frozen=True)
class Mistake:
    """A row with a wrong prediction.

    Attributes:
        text: of the row, shortened; of a pair both.
        label: what is true, in words.
        predicted: what was predicted, in words.
        note: how wrong that is, in words.
    """

    text: str
    label: str
    predicted: str
    note: str


def worst(channel: Channel, found: Predictions) -> list[Mistake]:
    """The rows with the least probability of the truth, or the largest error; wrong ones only, none without text.

    Args:
        channel: the rows.
        found: for them, in the order of data.by_length.
    """
    if TEXT not in channel.rows.column_names:
        return []
    wrong, badness = errors(found)
    chosen = wrong[np.argsort(-badness[wrong], kind="stable")][:MOST]
    rows = by_length(channel).select(chosen)
    texts = [" / ".join(str(row[name]) for name in (TEXT, PAIR) if name in row) for row in rows]
    return [
        Mistake(shortened(text), *described(found, int(row), channel.label_names))
        for row, text in zip(chosen, texts, strict=True)
    ]


def errors(found: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """Places of the wrong rows, and how wrong each row is, (rows,) float64."""
    if found.problem_type == REGRESSION:
        badness = np.abs(found.predicted - found.labels)
        return np.flatnonzero(badness > 0), badness
    if found.problem_type == MULTI_LABEL:
        of_truth = np.where(found.labels > 0.5, found.scores, 1 - found.scores).min(-1)
        return np.flatnonzero((found.predicted != found.labels).any(-1)), 1 - of_truth
    of_truth = found.scores[np.arange(len(found.labels)), found.labels]
    return np.flatnonzero(found.predicted != found.labels), 1 - of_truth


def described(found: Predictions, row: int, names: Sequence[str]) -> tuple[str, str, str]:
    """What is true of a row, what was predicted, and how wrong that is."""
    true, predicted = found.labels[row], found.predicted[row]
    if found.problem_type == REGRESSION:
        return f"{true:.4g}", f"{predicted:.4g}", f"off by {abs(predicted - true):.4g}"
    if found.problem_type == MULTI_LABEL:
        certain = np.where(true > 0.5, found.scores[row], 1 - found.scores[row])
        least = int(certain.argmin())
        note = f"{percent(float(certain[least]))} for the truth of {names[least]}"
        return listed(true, names), listed(predicted, names), note
    return names[true], names[predicted], f"{percent(float(found.scores[row, true]))} for the truth"


def listed(flags: np.ndarray, names: Sequence[str]) -> str:
    """The names of the labels that a row has."""
    return ", ".join(name for name, flag in zip(names, flags, strict=True) if flag > 0.5) or "none"


def shortened(text: str) -> str:
    return text if len(text) <= CHARACTERS else text[:CHARACTERS] + " ..."
