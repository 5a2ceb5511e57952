from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch

from inference.classifier import Classifier
from inference.device import Device
from inference.loading import load
from inference.packing import PackedLinear, pack
from inference.parameters import Parameters
from inference.request import Text

TEXTS = ["good film", "the very bright story " * 30, "", "bad", "end " * 9]


def classifier(folder: Path, dtype: torch.dtype = torch.float32) -> Classifier:
    return Classifier(load(folder, Device(torch.device("cpu"), dtype)), 256)


def kinds(one: Classifier) -> list[type[torch.nn.Module]]:
    return [type(module) for module in one.loaded.model.modules()]


def test_a_packed_model_gives_the_same_logits(model_folder: Path) -> None:
    plain, packed = classifier(model_folder), classifier(model_folder)
    linear = kinds(packed).count(torch.nn.Linear)
    assert pack(packed.loaded.model, packed.probe)
    assert kinds(packed).count(PackedLinear) == linear > 10
    assert torch.nn.Linear not in kinds(packed)
    rows = plain.encode([Text(text) for text in TEXTS], Parameters())
    torch.testing.assert_close(packed.logits(rows), plain.logits(rows), rtol=1e-5, atol=1e-6)


def test_a_wrong_packing_is_undone(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one = classifier(model_folder)
    before, logits = kinds(one), one.probe()

    def wrong(self: PackedLinear, inputs: torch.Tensor) -> torch.Tensor:
        return forward(self, inputs) * 1.001

    forward = PackedLinear.forward
    monkeypatch.setattr(PackedLinear, "forward", wrong)
    with caplog.at_level(logging.WARNING):
        assert not pack(one.loaded.model, one.probe)
    assert "stay unpacked" in caplog.text
    assert kinds(one) == before
    assert torch.equal(one.probe(), logits)


def test_so_is_one_that_this_pytorch_lacks(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(self: PackedLinear, layer: torch.nn.Linear) -> None:
        raise AttributeError("no such operator")

    one = classifier(model_folder)
    before = kinds(one)
    monkeypatch.setattr(PackedLinear, "__init__", lacking)
    assert not pack(one.loaded.model, one.probe)
    assert kinds(one) == before


def test_other_types_stay_as_they_are(model_folder: Path) -> None:
    one = classifier(model_folder, torch.bfloat16)
    before = kinds(one)
    assert not pack(one.loaded.model, one.probe)
    assert kinds(one) == before
