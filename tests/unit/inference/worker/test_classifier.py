from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import pipeline
from unit.inference.tiny import VOCABULARY, card, write_model

from inference.device import Device
from inference.errors import RequestError
from inference.worker.classifier import Classifier
from inference.worker.loading import load
from inference.worker.parallel import ParallelPasses

ODD = ("Unknown", "ünïcode", "漢字", "e\u0301", "\u200b", "\n", "!?", "\U0001f600", "\u0e01\u0e33", "")
ALPHABET = (*VOCABULARY, *ODD)
TEXTS = ["good film", "the very bright story " * 30, "", "bad", "ünïcode 漢字", "end " * 9]


def mixed(count: int) -> list[str]:
    """Texts of 0 to 60 random words: some are truncated, some empty, and most differ in length."""
    rng = random.Random(5)
    return [" ".join(rng.choices(ALPHABET, k=rng.randrange(60))) for _ in range(count)]


def classifier(folder: Path, dtype: torch.dtype = torch.float32, budget: int = 64) -> Classifier:
    return Classifier(load(folder, Device(torch.device("cpu"), dtype)), budget)


def reference(folder: Path) -> Any:
    return pipeline("text-classification", str(folder), truncation=True, max_length=32)


def scores(answer: Any) -> list[tuple[str, float]]:
    flat = answer if isinstance(answer, list) else [answer]
    return [pair for one in flat for pair in (scores(one) if isinstance(one, list) else [(one["label"], one["score"])])]


@pytest.mark.parametrize(
    ("labels", "problem_type"),
    [
        (("NEGATIVE", "POSITIVE"), None),
        (("a", "b", "c"), "single_label_classification"),
        (("a", "b", "c"), "multi_label_classification"),
        (("stars",), "regression"),
        (("spam",), None),
    ],
)
@pytest.mark.parametrize(
    "parameters",
    [{}, {"top_k": None}, {"top_k": 2, "function_to_apply": "sigmoid"}, {"function_to_apply": "none", "max_length": 9}],
)
def test_predictions_equal_the_pipelines(
    tmp_path: Path, labels: tuple[str, ...], problem_type: str | None, parameters: dict[str, Any]
) -> None:
    folder = write_model(tmp_path, labels, problem_type)
    texts = mixed(300)
    own, expected = classifier(folder)(texts, **parameters), reference(folder)(texts, batch_size=30, **parameters)
    for (label, score), (expected_label, expected_score) in zip(scores(own), scores(expected), strict=True):
        assert label == expected_label
        assert score == pytest.approx(expected_score, abs=1e-5)


@pytest.mark.parametrize("function", ["softmax", "none"])
def test_the_decision_threshold_determines_the_predicted_label(tmp_path: Path, function: str) -> None:
    folder = write_model(tmp_path)
    probabilities = [dict(scores(answer))["POSITIVE"] for answer in reference(folder)(TEXTS, top_k=None)]
    # Just below the largest probability: all other texts are NEGATIVE.
    threshold = max(probabilities) - 1e-4
    replace(card(folder), decision_threshold=threshold).write(folder)
    own = classifier(folder)
    firsts = [answer["label"] for answer in own(TEXTS, function_to_apply=function)]
    assert firsts == ["POSITIVE" if value >= threshold else "NEGATIVE" for value in probabilities]
    assert firsts == [answer[0]["label"] for answer in own(TEXTS, top_k=None, function_to_apply=function)]
    expected = reference(folder)(TEXTS, top_k=None, function_to_apply=function)
    assert firsts != [answer[0]["label"] for answer in expected]
    for answer, one in zip(own(TEXTS, top_k=None, function_to_apply=function), expected, strict=True):
        assert dict(scores(answer)) == pytest.approx(dict(scores(one)), abs=1e-5)


def test_bfloat16_stays_within_a_hundredth(tmp_path: Path) -> None:
    # Weights of the usual size after training.
    folder = write_model(tmp_path, spread=0.1)
    texts = mixed(300)
    own = classifier(folder, torch.bfloat16)(texts, top_k=None)
    for answer, expected in zip(own, reference(folder)(texts, top_k=None, batch_size=30), strict=True):
        assert dict(scores(answer)) == pytest.approx(dict(scores(expected)), abs=1e-2)


def test_batches_keep_to_the_budget_and_the_order(model_folder: Path) -> None:
    one_by_one, together = classifier(model_folder, budget=1), classifier(model_folder, budget=10_000)
    alone, batched = one_by_one(TEXTS, top_k=None), together(TEXTS, top_k=None)
    assert (one_by_one.statistics.passes, together.statistics.passes) == (len(TEXTS), 1)
    assert one_by_one.statistics.padded == one_by_one.statistics.tokens < together.statistics.padded
    for (label, score), (other, other_score) in zip(scores(alone), scores(batched), strict=True):
        assert label == other
        assert score == pytest.approx(other_score, abs=1e-5)


def test_parallel_passes_give_the_same_predictions(model_folder: Path) -> None:
    texts = TEXTS * 20
    plain, parallel = classifier(model_folder, budget=10_000), classifier(model_folder, budget=256)
    parallel.parallel = ParallelPasses(2)
    for one, other in zip(plain(texts, top_k=None), parallel(texts, top_k=None), strict=True):
        assert dict(scores(one)) == pytest.approx(dict(scores(other)), abs=1e-5)
    assert plain.statistics.passes == 1
    assert parallel.statistics.passes >= 4
    assert parallel.statistics.padded < plain.statistics.padded


def test_pairs_differ_from_texts(model_folder: Path) -> None:
    pair = {"text": "good film", "text_pair": "bad end"}
    own, expected = classifier(model_folder)(pair), reference(model_folder)(pair)
    assert own["score"] == pytest.approx(expected["score"], abs=1e-5)
    assert own != classifier(model_folder)("good film bad end")[0]


def test_truncation_can_be_forbidden(model_folder: Path) -> None:
    with pytest.raises(RequestError, match="longer than 32 tokens"):
        classifier(model_folder)(TEXTS, truncation=False)
    assert len(classifier(model_folder)(TEXTS[:1], truncation=False)) == 1


def test_max_length_below_the_special_tokens_is_refused(model_folder: Path) -> None:
    with pytest.raises(RequestError, match="max_length is 2, expected at least 3"):
        classifier(model_folder)("good", max_length=2)
