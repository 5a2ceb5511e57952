from __future__ import annotations

from pathlib import Path

import pytest
import torch
from architectures import Architecture, write_classifier
from tiny_tokenizers import BERT_TOKENS, WORDS, numbered
from transformers import BertTokenizer, PreTrainedTokenizerBase
from unit.inference.tiny import write_model

from inference.device import Device
from inference.options import ServingOptions
from inference.worker import isolation
from inference.worker.batch_handler import BatchHandler
from inference.worker.classifier import Classifier
from inference.worker.loading import load
from inference.worker.user_code import UserFunctions

TEXTS = ["good", "bad word1 word2 word3", "word4 " * 20, "good word5"]
# A model of torch has one of these; int8 is ONNX Runtime's.
FLOATING = [dtype for dtype in isolation.TOLERANCE if dtype.is_floating_point]


def serve(folder: Path, dtype: torch.dtype = torch.float32) -> Classifier:
    return Classifier(load(folder, Device(torch.device("cpu"), dtype)), 4096)


def fnet_tokenizer() -> PreTrainedTokenizerBase:
    return BertTokenizer(vocab=numbered(BERT_TOKENS, WORDS), model_input_names=["input_ids", "token_type_ids"])


def test_each_text_gets_its_own_pass_where_padding_changes_scores(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """FNet mixes all positions of a row by a Fourier transform, and has no attention mask."""
    settings = {"max_position_embeddings": 128, "pad_token_id": 0}
    write_classifier(tmp_path, Architecture("fnet", fnet_tokenizer, settings=settings))
    own = serve(tmp_path)
    alone = [own([text], top_k=None)[0] for text in TEXTS]
    assert own(TEXTS, top_k=None) != alone
    BatchHandler(own, ServingOptions(), UserFunctions()).warm_up()
    assert own.isolated
    assert "each text gets a forward pass of its own: its logits depend on the other texts of the batch" in caplog.text
    assert own(TEXTS, top_k=None) == alone
    assert own.statistics.passes == len(TEXTS)


def test_each_text_gets_its_own_pass_where_a_model_takes_one_row_only(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    own = serve(model_folder)
    once = own.forward.once

    def refuse_several(rows: list[object]) -> torch.Tensor:
        if len(rows) > 1:
            raise ValueError("several rows")
        return once(rows)

    monkeypatch.setattr(own.forward, "once", refuse_several)
    isolation.ensure(own)
    assert own.isolated
    assert "of its own: the model does not accept several texts in one batch (ValueError)" in caplog.text
    assert len(own(TEXTS)) == len(TEXTS)


@pytest.mark.parametrize("dtype", FLOATING)
def test_rounding_alone_isolates_nothing(tmp_path: Path, dtype: torch.dtype) -> None:
    own = serve(write_model(tmp_path, spread=0.1), dtype)
    isolation.ensure(own)
    assert not own.isolated


@pytest.mark.parametrize("dtype", FLOATING)
def test_attention_to_padding_exceeds_the_tolerance(tmp_path: Path, dtype: torch.dtype) -> None:
    own = serve(write_model(tmp_path), dtype)
    # Without an attention mask padding changes the logits.
    object.__setattr__(own.loaded, "inputs", frozenset())
    isolation.ensure(own)
    assert own.isolated


def test_a_model_with_nan_logits_is_isolated(model_folder: Path) -> None:
    own = serve(model_folder)
    with torch.no_grad():
        own.loaded.model.classifier.bias.fill_(float("nan"))
    isolation.ensure(own)
    assert own.isolated
