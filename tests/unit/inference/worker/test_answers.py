"""Thresholds and temperature of the card and of a request; without them answers are the pipeline's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from unit.inference.tiny import card, write_model

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL, Card
from contract.failures import UserError
from inference.errors import RequestError
from inference.worker.answers import Answers
from inference.worker.parameters import Parameters
from inference.worker.request import Request, Text

NAMES = ("a", "b", "c")
# Probabilities 0.3, 0.6 and 0.8; and 0.1, 0.2 and 0.05.
LOGITS = torch.tensor([[0.3, 0.6, 0.8], [0.1, 0.2, 0.05]]).logit()
SEVERAL = Answers(NAMES, MULTI_LABEL, (0.25, 0.7, 0.5))


def labels(predictions: Any) -> list[Any]:
    return [[each["label"] for each in row] if isinstance(row, list) else row["label"] for row in predictions]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [["c", "a"], []]),
        ({"threshold": 0.2}, [["c", "b", "a"], ["b"]]),
        ({"threshold": None}, ["c", "b"]),
        ({"top_k": 2}, [["c", "b"], ["b", "a"]]),
        ({"threshold": 0.5, "function_to_apply": "none"}, [["c", "b"], []]),
    ],
)
def test_of_several_labels_those_that_reach_their_thresholds_are_predicted(
    parameters: dict[str, Any], expected: list[Any]
) -> None:
    assert labels(SEVERAL.predictions(LOGITS, Parameters.read(parameters))) == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_score_that_json_cannot_hold_is_an_error(value: float) -> None:
    with pytest.raises(RequestError, match="the model's scores are NaN or infinite") as caught:
        SEVERAL.predictions(torch.tensor([[0.0, value, 0.0]]), Parameters(function="none"))
    assert caught.value.status == 500


def test_a_request_replaces_the_threshold_of_two_labels() -> None:
    two = Answers(("no", "yes"), None, (0.9,))
    logits = torch.tensor([[0.2, 0.8], [0.6, 0.4]]).log()
    assert labels(two.predictions(logits, Parameters())) == ["no", "no"]
    assert labels(two.predictions(logits, Parameters.read({"threshold": None}))) == ["yes", "no"]
    assert labels(two.predictions(logits, Parameters.read({"threshold": 0.3}))) == ["yes", "yes"]


@pytest.mark.parametrize("kind", [SINGLE_LABEL, MULTI_LABEL])
def test_the_temperature_divides_logits_before_probabilities(kind: str) -> None:
    answers = Answers(NAMES, kind, temperature=2.0)
    found = answers.predictions(LOGITS, Parameters.read({"top_k": None}))
    scores = [{each["label"]: each["score"] for each in row} for row in found if isinstance(row, list)]
    halved = (LOGITS / 2).softmax(-1) if kind == SINGLE_LABEL else (LOGITS / 2).sigmoid()
    assert [[row[name] for name in NAMES] for row in scores] == [pytest.approx(row) for row in halved.tolist()]
    raw = answers.predictions(LOGITS, Parameters.read({"function_to_apply": "none"}))
    assert raw[0] == {"label": "c", "score": pytest.approx(LOGITS[0, 2].item())}


@pytest.mark.parametrize(("names", "kind"), [(NAMES, SINGLE_LABEL), (("LABEL_0",), REGRESSION), (("spam",), None)])
def test_a_threshold_needs_labels_that_it_decides_on(names: tuple[str, ...], kind: str | None) -> None:
    request = Request([Text("x")], Parameters.read({"threshold": 0.5}))
    with pytest.raises(RequestError, match="parameters.threshold is for models of two labels or of several labels"):
        Answers(names, kind).check(request)
    SEVERAL.check(request)


def test_half_a_pair_is_refused_by_a_model_of_pairs() -> None:
    request = Request([Text("a", "b"), Text("c")])
    with pytest.raises(RequestError, match="record 2 is one text, and this model classifies pairs"):
        Answers(NAMES, None, pairs=True).check(request)
    SEVERAL.check(request)


def answers_of(changed: Card, names: tuple[str, ...] = NAMES, kind: str | None = MULTI_LABEL) -> Answers:
    config: Any = SimpleNamespace(num_labels=len(names), problem_type=kind)
    return Answers.of(config, changed, names)


def test_the_card_gives_thresholds_temperature_and_pairs(tmp_path: Path) -> None:
    plain = card(write_model(tmp_path, NAMES, MULTI_LABEL), NAMES)
    full = replace(
        plain,
        problem_type=MULTI_LABEL,
        label_thresholds=(0.1, 0.2, 0.3),
        temperature=1.5,
        text_pair_column="answer",
    )
    assert answers_of(full) == Answers(NAMES, MULTI_LABEL, (0.1, 0.2, 0.3), 1.5, True)
    assert answers_of(plain) == Answers(NAMES, MULTI_LABEL)
    for wrong, message in (
        (replace(full, label_thresholds=(0.5,)), "has 1 label_thresholds, expected one for each label"),
        (replace(full, label_thresholds=(0.5, 0.5, 50)), "has label_thresholds 50, expected a probability"),
        (replace(full, problem_type=REGRESSION), "problem_type regression, config.json multi_label_classification"),
    ):
        with pytest.raises(UserError, match=message):
            answers_of(wrong)
