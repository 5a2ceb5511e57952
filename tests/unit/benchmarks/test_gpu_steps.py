from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface

from benchmarks import gpu_steps
from contract.small_bert import write_model

LENGTHS = (3, 9, 5, 14, 2, 7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("steps")
    texts = [" ".join(["kettle"] * length) for length in LENGTHS]
    write_model(folder, texts, 32)
    rows = ({"text": text, "label": place % 2} for place, text in enumerate(texts))
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    AttentionInterface.register(gpu_steps.PACKED, gpu_steps.packed_attention)
    AttentionMaskInterface.register(gpu_steps.PACKED, lambda *_, **__: None)
    yield folder


def test_without_padding_the_logits_are_the_same(folder: Path) -> None:
    [batch] = gpu_steps.batches(folder, folder / "rows.jsonl", 32, len(LENGTHS))
    assert batch["attention_mask"].sum(1).tolist() == sorted(length + 2 for length in LENGTHS)
    device = torch.device("cpu")
    padded = gpu_steps.padded(gpu_steps.load(folder, "sdpa", device).eval(), batch)
    packed = gpu_steps.packed(gpu_steps.load(folder, gpu_steps.PACKED, device).eval(), batch)
    torch.testing.assert_close(packed, padded)


def test_tokens_are_counted_without_padding(folder: Path) -> None:
    made = gpu_steps.batches(folder, folder / "rows.jsonl", 8, 3)
    assert [len(batch["labels"]) for batch in made] == [3, 3]
    found = gpu_steps.variant("padded", folder, made, 0.0)
    samples, tokens = found["samples"], found["tokens"]
    assert samples
    assert tokens
    # One step, of one of the two batches.
    assert round(3 * tokens / samples) in {int(batch["attention_mask"].sum()) for batch in made}
