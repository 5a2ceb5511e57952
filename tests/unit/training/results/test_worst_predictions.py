from pathlib import Path

import numpy as np
from datasets import Dataset

from training.data.channel import Channel, load
from training.evaluation.predictions import Predictions
from training.results import worst_predictions

# Evaluated the longest first: rows 2, 0, 1.
ROWS = {"input_ids": [[1, 2], [1], [1, 2, 3]], "labels": [0, 1, 1]}
SEEN = Predictions(np.array([1, 0, 1]), np.array([[0.9, 0.1], [0.3, 0.7], [0.2, 0.8]]))


def channel(folder: Path, **columns: list[str]) -> Channel:
    Dataset.from_dict({**ROWS, **columns}).save_to_disk(str(folder))
    return load(folder)


def test_the_worst_come_first_with_their_own_text(tmp_path: Path) -> None:
    found = worst_predictions.worst(channel(tmp_path, text=["two", "one", "three"]), SEEN)
    assert [(row.text, row.label, row.predicted, row.note) for row in found] == [
        ("three", "1", "0", "10.0% for the truth"),
        ("two", "0", "1", "30.0% for the truth"),
    ]


def test_without_text_there_is_nothing_to_show(tmp_path: Path) -> None:
    assert worst_predictions.worst(channel(tmp_path), SEEN) == []


def test_long_texts_are_cut() -> None:
    assert len(worst_predictions.shortened("x" * 9999)) < 410
