from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from architectures import ARCHITECTURES, SERVED_ONLY, Architecture, write_classifier
from pipeline_scores import assert_as_in_a_pipeline, mixed_texts, serve
from tiny_tokenizers import END_OF_TEXT, gpt2
from tokenizers import processors
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from inference.errors import RequestError
from inference.worker import isolation
from inference.worker.classifier import Classifier
from inference.worker.forward_pass import is_lost_device
from inference.worker.request import Request, Text

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


def compare(folder: Path, inputs: list[str], own: Classifier) -> None:
    assert_as_in_a_pipeline(folder, inputs, own(inputs, top_k=None))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_texts_of_all_lengths_together_score_as_in_a_pipeline_one_by_one(tmp_path: Path, name: str) -> None:
    write_classifier(tmp_path, ARCHITECTURES[name])
    own = serve(tmp_path)
    isolation.ensure(own)
    assert not own.isolated
    compare(tmp_path, mixed_texts(), own)
    assert own.statistics.passes < 6


def ending_in_end_of_text() -> PreTrainedTokenizerBase:
    """A GPT-2 tokenizer that adds the padding token at the end of each text, as in embedding models."""
    tokenizer = gpt2()
    tokenizer.pad_token = END_OF_TEXT
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END_OF_TEXT}", special_tokens=[(END_OF_TEXT, tokenizer.convert_tokens_to_ids(END_OF_TEXT))]
    )
    # GPT2Tokenizer would restore its own post-processor.
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer, pad_token=END_OF_TEXT)


@pytest.mark.parametrize("pad_token_id", [None, -1, 0])
@pytest.mark.parametrize("tokenizer", [gpt2, ending_in_end_of_text])
@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_padding_does_not_change_the_token_that_a_decoder_classifies_by(
    tmp_path: Path, name: str, tokenizer: Any, pad_token_id: int | None
) -> None:
    settings = {name: value for name, value in ARCHITECTURES[name].settings.items() if name != "bos_token_id"}
    architecture = Architecture(name, tokenizer, settings=settings)
    write_classifier(tmp_path, architecture, eos_token_id=0)
    # Not set by the class: some do not allow the value, although files have it.
    set_config(tmp_path, pad_token_id=pad_token_id)
    own = serve(tmp_path)
    isolation.ensure(own)
    assert not own.isolated
    compare(
        tmp_path, [*mixed_texts(30), f"good {END_OF_TEXT}", f"{END_OF_TEXT} bad", "bad word1" + 3 * END_OF_TEXT], own
    )


def set_config(folder: Path, **values: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_a_model_that_classifies_by_the_last_position_is_padded_on_the_left(tmp_path: Path) -> None:
    write_classifier(tmp_path, SERVED_ONLY["xlnet"])
    own = serve(tmp_path)
    isolation.ensure(own)
    assert not own.isolated
    compare(tmp_path, mixed_texts(30), own)


def test_a_failed_pass_is_retried_with_halves(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """BART finds the end of a row by </s>, and fails if rows have different numbers of them."""
    write_classifier(tmp_path, SERVED_ONLY["bart"])
    own = serve(tmp_path)
    isolation.ensure(own)
    assert not own.isolated
    assert "forward pass" not in caplog.text
    compare(tmp_path, [*mixed_texts(8), "good </s> bad", "bad </s> </s> good"], own)
    assert "a forward pass of 10 texts failed (ValueError), retrying its halves" in caplog.messages


def test_an_exception_for_a_single_row_is_raised(tmp_path: Path) -> None:
    write_classifier(tmp_path, ARCHITECTURES["bert"])
    own = serve(tmp_path)
    good, bad = own.encode_together([request("good"), request("bad")])
    assert isinstance(good, list) and isinstance(bad, list)
    bad[0].ids[1] = 10_000
    with pytest.raises(IndexError):
        own.logits([*good, *bad])


def request(*inputs: str) -> Request:
    return Request([Text(text) for text in inputs])


def test_a_text_without_tokens_is_refused_in_any_batch(tmp_path: Path) -> None:
    write_classifier(tmp_path, ARCHITECTURES["gpt2"])
    own = serve(tmp_path)
    with pytest.raises(RequestError, match="has no tokens for this model"):
        own(["good", ""])
    with pytest.raises(RequestError, match="has no tokens for this model"):
        own("")
    good, refused = own.encode_together([request("good"), request("")])
    assert isinstance(refused, RequestError)
    assert isinstance(good, list) and len(good) == 1


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("CUDA error: an illegal memory access was encountered", True),
        ("CUDA error: device-side assert triggered", True),
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", False),
        ("CUDA out of memory. Tried to allocate 2.00 GiB.", False),
        ("CUDA error: no kernel image is available for execution on the device", False),
        ("mat1 and mat2 shapes cannot be multiplied", False),
    ],
)
def test_after_some_errors_of_cuda_a_process_cannot_go_on(message: str, expected: bool) -> None:
    assert is_lost_device(RuntimeError(message)) == expected


def test_a_worker_that_lost_its_gpu_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_classifier(tmp_path, ARCHITECTURES["bert"])
    own, statuses = serve(tmp_path), []

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: device-side assert triggered")

    def end(status: int) -> None:
        statuses.append(status)
        raise SystemExit(status)

    monkeypatch.setattr(own.loaded.model, "forward", fail)
    monkeypatch.setattr("inference.worker.forward_pass.os._exit", end)
    with pytest.raises(SystemExit):
        own(["a text", "another one"])
    assert statuses == [1]
