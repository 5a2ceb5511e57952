"""Architectures run by ONNX Runtime give the scores of transformers' pipeline, or a sentence says why they are not run.

EVERY_ARCHITECTURE=1 exports each architecture, which takes about 15 seconds; otherwise one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest
from architectures import ARCHITECTURES, SERVED_ONLY, write_classifier
from pipeline_scores import TOLERANCE, assert_as_in_a_pipeline, by_label, mixed_texts, pipeline_scores, serve
from training_base import LABELS

from contract.failures import UserError
from inference.options import RUN_FOLDER_VARIABLE, ServingOptions
from inference.worker import engine, isolation
from inference.worker.classifier import Classifier

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")]

ALL = ARCHITECTURES | SERVED_ONLY
# Decoders need a padding token, which training gives to models that have none.
PADDED = {"gpt2", "llama", "qwen2", "qwen3"}
# What the exporter of torch 2.13 refuses, in the words of the error; int8 that changes the logits too much.
NOT_EXPORTED = {"xlnet": "its export failed: RuntimeError: "}
NOT_INT8 = {"t5": "gives other logits than torch"}
# T5 does not scale its attention, so its logits are large, and sums in another order differ by more than 1e-5.
ROUNDED = {"t5": 5e-5}
NAMES = list(ALL) if os.environ.get("EVERY_ARCHITECTURE") == "1" else ["deberta-v2"]


def served_by_onnx(folder: Path, dtype: Literal["float32", "int8"]) -> Classifier:
    own = serve(folder)
    options = ServingOptions(engine="onnxruntime", dtype=dtype)
    loaded = engine.choose(own.loaded, folder, options, 2, frozenset({"avx512_vnni"}))
    own = Classifier(loaded, own.batch_tokens)
    isolation.ensure(own)
    assert not own.isolated
    return own


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(RUN_FOLDER_VARIABLE, str(tmp_path / "run"))
    write_classifier(tmp_path / "model", ALL[name], **({"pad_token_id": 3} if name in PADDED else {}))
    return tmp_path / "model"


def test_an_architecture_gives_the_pipelines_scores_or_is_refused(name: str, folder: Path) -> None:
    texts = mixed_texts()
    if name in NOT_EXPORTED:
        with pytest.raises(UserError, match=NOT_EXPORTED[name]):
            served_by_onnx(folder, "float32")
        return
    answers = served_by_onnx(folder, "float32")(texts, top_k=None)
    assert_as_in_a_pipeline(folder, texts, answers, ROUNDED.get(name, TOLERANCE))
    # The export has both files, and the second engine takes the other one.
    if name in NOT_INT8:
        with pytest.raises(UserError, match=NOT_INT8[name]):
            served_by_onnx(folder, "int8")
        return
    classify = served_by_onnx(folder, "int8")
    together = classify(texts, top_k=None)
    alone = [classify(text, top_k=None) for text in texts]
    assert [by_label(answer) for answer in together] == [by_label(answer) for answer in alone]
    labels = [answer[0]["label"] for answer in together]
    expected = [scores.index(max(scores)) for scores in pipeline_scores(folder, texts)]
    agreement = sum(LABELS.index(label) == best for label, best in zip(labels, expected, strict=True)) / len(texts)
    assert agreement >= 0.95
