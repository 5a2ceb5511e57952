"""Lengths and labels of rows as people store them."""

from __future__ import annotations

from pathlib import Path

from datasets import Dataset
from training_base import Job

from contract.card import Card
from training.data.channel import load
from training.data.columns import normalised, token_counts

MASKED = {"input_ids": [[0, 2, 7, 3], [2, 3, 0, 0], [2, 7, 9, 3]], "labels": [0, 1, 1]}
MASKS = [[0, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 1]]


def test_padding_is_no_token() -> None:
    assert token_counts(Dataset.from_dict(MASKED)).tolist() == [4, 4, 4]
    assert token_counts(Dataset.from_dict(MASKED | {"attention_mask": MASKS})).tolist() == [3, 2, 4]


def test_a_length_that_counts_characters_is_not_taken(job: Job, tmp_path: Path) -> None:
    rows = Dataset.from_dict(MASKED | {"length": [100, 200, 300]})
    rows.save_to_disk(str(tmp_path))
    assert load(tmp_path).lengths.tolist() == [4, 4, 4]
    card = Card.read(job.paths.channel("train") / "algo-1")
    assert normalised(rows, card, tmp_path)["length"] == [100, 200, 300]
