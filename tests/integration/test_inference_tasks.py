"""Answers of each problem type are transformers' pipeline's, of two architectures, alone and in batches, in fp32."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from architectures import ARCHITECTURES, write_classifier
from pipeline_scores import TOLERANCE, mixed_texts, serve
from transformers import pipeline

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from inference.errors import RequestError
from inference.worker.classifier import Classifier

pytestmark = pytest.mark.integration

NAMES = {0: "rude", 1: "short", 2: "polite"}
TEXTS = mixed_texts(24)
PAIRS = [{"text": text, "text_pair": other} for text, other in zip(TEXTS, reversed(TEXTS), strict=True)]


@dataclass(frozen=True)
class Kind:
    """What is served, and the settings of its configuration."""

    name: str
    inputs: list[Any]
    settings: dict[str, Any] = field(default_factory=dict)


KINDS = (
    Kind("single", TEXTS, {"problem_type": SINGLE_LABEL, "id2label": NAMES}),
    Kind("multilabel", TEXTS, {"problem_type": MULTI_LABEL, "id2label": NAMES}),
    Kind("regression", TEXTS, {"problem_type": REGRESSION, "id2label": {0: "LABEL_0"}}),
    Kind("pairs", PAIRS, {"problem_type": SINGLE_LABEL}),
)


@dataclass(frozen=True)
class Served:
    """A kind of model, the server's classifier and the pipeline of the same folder."""

    kind: Kind
    classifier: Classifier
    pipe: Any


@pytest.fixture(scope="module", params=[(kind, name) for kind in KINDS for name in ("bert", "distilbert", "roberta")])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Served:
    kind, name = request.param
    folder: Path = tmp_path_factory.mktemp(f"{kind.name}-{name}")
    write_classifier(folder, ARCHITECTURES[name], **kind.settings)
    return Served(kind, serve(folder), pipeline("text-classification", model=str(folder)))


def assert_close(answer: Any, expected: Any) -> None:
    """Whether labels, their order and the structure are the same, and scores within the tolerance."""
    if isinstance(expected, list):
        assert len(answer) == len(expected)
        for one, other in zip(answer, expected, strict=True):
            assert_close(one, other)
    else:
        assert answer == {"label": expected["label"], "score": pytest.approx(expected["score"], abs=TOLERANCE)}


@pytest.mark.parametrize(
    "parameters",
    [{}, {"top_k": None}, {"top_k": 2}, *({"function_to_apply": name} for name in ("none", "sigmoid", "softmax"))],
)
def test_answers_are_the_pipelines(served: Served, parameters: dict[str, Any]) -> None:
    inputs = served.kind.inputs
    expected = [served.pipe([each], truncation=True, **parameters)[0] for each in inputs]
    # Together they are batches with padding; each by itself has none.
    assert_close(served.classifier(inputs, **parameters), expected)
    assert_close([served.classifier([each], **parameters)[0] for each in inputs], expected)


def test_a_threshold_chooses_among_the_pipelines_scores(served: Served) -> None:
    inputs = served.kind.inputs
    if served.kind.name in ("single", "regression"):
        with pytest.raises(RequestError, match="threshold is for models of two labels or of several labels a text"):
            served.classifier(inputs, threshold=0.3)
        return
    expected = [served.pipe([each], truncation=True, top_k=None)[0] for each in inputs]
    answers = served.classifier(inputs, threshold=0.3)
    if served.kind.name == "multilabel":
        assert_close(answers, [[each for each in scores if each["score"] >= 0.3] for scores in expected])
    else:
        second = served.classifier.loaded.label_names[1]
        for answer, scores in zip(answers, expected, strict=True):
            of_second = next(each["score"] for each in scores if each["label"] == second)
            assert (answer["label"] == second) is (of_second >= 0.3)
