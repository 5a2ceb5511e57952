"""Compares the server's scores of batches with those of transformers.pipeline for single texts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_tokenizers import WORDS
from transformers import pipeline

from inference.device import Device
from inference.worker.classifier import Classifier
from inference.worker.loading import load

TOLERANCE = 1e-5


def serve(folder: Path) -> Classifier:
    """The server's classifier in fp32, with up to 4,096 tokens per forward pass."""
    return Classifier(load(folder, Device(torch.device("cpu"), torch.float32)), 4096)


def mixed_texts(count: int = 60) -> list[str]:
    """Texts of 1 to 40 words, with some words that are in no vocabulary of the tests."""
    rng = random.Random(3)
    return [" ".join(rng.choices([*WORDS, "Zebra", "naïve", "!"], k=rng.randrange(1, 40))) for _ in range(count)]


def by_label(answer: list[dict[str, Any]]) -> list[float]:
    """Scores in the order of the label names."""
    return [one["score"] for one in sorted(answer, key=lambda one: one["label"])]


def pipeline_scores(folder: Path, texts: Sequence[str]) -> list[list[float]]:
    classify = pipeline("text-classification", model=str(folder), top_k=None)
    return [by_label(classify([text], truncation=True)[0]) for text in texts]


def assert_as_in_a_pipeline(
    folder: Path, texts: Sequence[str], answers: Sequence[list[dict[str, Any]]], tolerance: float = TOLERANCE
) -> None:
    """Assert that each text's scores of all labels equal the pipeline's, and that texts have different scores."""
    expected = pipeline_scores(folder, texts)
    for answer, scores in zip(answers, expected, strict=True):
        assert by_label(answer) == pytest.approx(scores, abs=tolerance)
    # Different enough that swapped predictions are noticed.
    assert max(expected)[0] - min(expected)[0] > 100 * TOLERANCE
