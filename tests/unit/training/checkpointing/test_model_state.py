"""Weights under the names in memory, loaded whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForSequenceClassification, BertConfig, BertForSequenceClassification

from contract.failures import UserError
from training.checkpointing import model_state


@pytest.fixture
def loaded(tmp_path: Path) -> BertForSequenceClassification:
    """A model from a folder, as people's are: transformers would save its LayerNorms under legacy names."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, num_labels=2
    )
    BertForSequenceClassification(config).save_pretrained(tmp_path / "base")
    return AutoModelForSequenceClassification.from_pretrained(tmp_path / "base")


def test_every_tensor_comes_back_bit_for_bit(loaded: BertForSequenceClassification, tmp_path: Path) -> None:
    with torch.no_grad():
        for parameter in loaded.parameters():
            parameter.add_(torch.randn_like(parameter))
    expected = {name: tensor.clone() for name, tensor in loaded.state_dict().items()}
    model_state.write(loaded.state_dict(), tmp_path)
    assert load_file(tmp_path / "model.safetensors").keys() == expected.keys()
    other = AutoModelForSequenceClassification.from_pretrained(tmp_path / "base")
    model_state.load(other, tmp_path)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in other.state_dict().items())


def legacy(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.replace("LayerNorm.weight", "LayerNorm.gamma"): tensor for name, tensor in state.items()}


def short(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in state.items() if name != "classifier.bias"}


def long(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {**state, "more": torch.zeros(1)}


def other_shape(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {**state, "classifier.bias": torch.zeros(3)}


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (legacy, "lacks 3 of the model's tensors and has 3 others"),
        (short, "lacks 1 .* has 0 others .no classifier.bias."),
        (long, "lacks 0 .* has 1 others .unexpected more."),
        (other_shape, r"classifier.bias has shape \[3\], the model's \[2\]"),
    ],
)
def test_what_does_not_fit_changes_no_weight(
    loaded: BertForSequenceClassification, tmp_path: Path, harm: object, message: str
) -> None:
    before = {name: tensor.clone() for name, tensor in loaded.state_dict().items()}
    zeros = {name: torch.zeros_like(tensor) for name, tensor in before.items()}
    save_file(harm(zeros), tmp_path / "model.safetensors")  # type: ignore[operator]
    with pytest.raises(UserError, match=message):
        model_state.load(loaded, tmp_path)
    assert all(torch.equal(tensor, before[name]) for name, tensor in loaded.state_dict().items())


def test_a_file_that_is_torn_or_missing_is_a_mismatch(tmp_path: Path) -> None:
    assert "cannot be read" in model_state.mismatch(tmp_path, {})
    (tmp_path / "model.safetensors").write_bytes(b"\x10")
    assert "cannot be read" in model_state.mismatch(tmp_path, {})


def test_tensors_that_share_memory_are_all_written(tmp_path: Path) -> None:
    model = nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.Linear(3, 3)})
    model["b"].weight = model["a"].weight
    model_state.write(model.state_dict(), tmp_path)
    assert model_state.mismatch(tmp_path, model_state.shapes(model)) == ""
    assert torch.equal(model_state.read(tmp_path)["b.weight"], model["a"].weight)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_found(value: float) -> None:
    state = {"a": torch.zeros(3), "ids": torch.arange(3)}
    assert model_state.is_finite(state)
    state["a"][1] = value
    assert not model_state.is_finite(state)
