from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, TaskType, get_peft_model
from transformers import AutoModelForSequenceClassification
from unit.inference.tiny import write_model

from contract.card import CARD_FILE
from contract.failures import UserError
from inference.device import Device
from inference.worker.adapter import base_location
from inference.worker.classifier import Classifier
from inference.worker.loading import load

CPU = Device(torch.device("cpu"), torch.float32)
TEXTS = ["good film", "the very dull story", "bad"]


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[Any]]:
    """A base model of two labels, a LoRA adapter of it with three, and the scores of both together."""
    base, whole = tmp_path_factory.mktemp("base"), tmp_path_factory.mktemp("whole")
    adapter = tmp_path_factory.mktemp("adapter")
    write_model(base)
    (base / CARD_FILE).unlink()
    write_model(whole, ("LABEL_0", "LABEL_1", "LABEL_2"))
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=3, ignore_mismatched_sizes=True)
    settings = LoraConfig(task_type=TaskType.SEQ_CLS, r=4, init_lora_weights=False, target_modules=["query", "value"])
    with_adapter = get_peft_model(model, settings)
    with_adapter.save_pretrained(adapter)
    with_adapter.merge_and_unload().save_pretrained(whole)
    (whole / CARD_FILE).unlink()
    return base, adapter, scores(whole)


def scores(folder: Path) -> list[Any]:
    return Classifier(load(folder, CPU), 256)(TEXTS, top_k=None)


def copied(folder: Path, target: Path) -> Path:
    return shutil.copytree(folder, target, dirs_exist_ok=True)


@pytest.mark.parametrize("place", ["base", "."])
def test_an_adapter_is_merged_into_the_base_beside_it(
    adapted: tuple[Path, Path, list[Any]], tmp_path: Path, place: str
) -> None:
    base, adapter, expected = adapted
    copied(base, tmp_path / place)
    copied(adapter, tmp_path)
    for answer, right in zip(scores(tmp_path), expected, strict=True):
        assert [one["label"] for one in answer] == [one["label"] for one in right]
        assert [one["score"] for one in answer] == pytest.approx([one["score"] for one in right], abs=1e-5)


def test_an_adapter_without_its_base_is_one_clear_sentence(
    adapted: tuple[Path, Path, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, adapter, _ = adapted
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match="has an adapter, but not its base model '.*'; expected the base in a folder"):
        load(adapter, CPU)


def test_a_base_on_the_hub_is_taken_where_the_hub_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "some/base"}')
    assert base_location(tmp_path, {"HF_HUB_OFFLINE": "0"}) == "some/base"
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "/home/somebody/base"}')
    with pytest.raises(UserError, match="/home/somebody/base"):
        base_location(tmp_path, {"HF_HUB_OFFLINE": "0"})


def test_an_adapter_without_a_trained_head_is_refused(adapted: tuple[Path, Path, list[Any]], tmp_path: Path) -> None:
    base, _, _ = adapted
    model = AutoModelForSequenceClassification.from_pretrained(base)
    get_peft_model(model, LoraConfig(target_modules=["query"])).save_pretrained(tmp_path)
    AutoModelForSequenceClassification.from_pretrained(base).bert.save_pretrained(tmp_path / "base")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(base / name, tmp_path)
    with pytest.raises(UserError, match="neither the adapter nor its base has weights for classifier.bias"):
        load(tmp_path, CPU)
