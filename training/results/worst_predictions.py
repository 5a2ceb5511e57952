"""The misclassified rows with the largest loss, shortened, for report.html."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.data.channel import Channel, by_length
from training.data.columns import TEXT
from training.evaluation.predictions import Predictions

MOST, CHARACTERS = 12, 400


@dataclass(frozen=True)
class Mistake:
    """A row of a class that the model thought little of."""

    text: str
    label: int
    predicted: int
    probability: float


def worst(channel: Channel, found: Predictions) -> list[Mistake]:
    """The rows with the least probability of their true class, wrong ones only; none where no text was kept.

    Args:
        channel: the rows.
        found: for them, in the order of data.by_length.
    """
    if TEXT not in channel.rows.column_names:
        return []
    of_truth = found.probabilities[np.arange(len(found.labels)), found.labels]
    wrong = np.flatnonzero(found.predicted != found.labels)
    chosen = wrong[np.argsort(of_truth[wrong], kind="stable")][:MOST]
    texts = by_length(channel).select(chosen)[TEXT]
    return [
        Mistake(shortened(str(text)), int(found.labels[row]), int(found.predicted[row]), float(of_truth[row]))
        for row, text in zip(chosen, texts, strict=True)
    ]


def shortened(text: str) -> str:
    return text if len(text) <= CHARACTERS else text[:CHARACTERS] + " ..."
