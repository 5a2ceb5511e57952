from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from training_base import Job
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from contract.card import CARD_FILE, Card
from training.data.channel import Channel, load
from training.model import base_model
from training.model.base_model import BaseModel
from training.results import model_folder
from training.results.model_folder import Result

RESULT = Result(10, 30, {"eval_accuracy": 0.75}, {"learning_rate": 5e-5}, resumed_from=5, thresholds=np.array([0.4]))


@pytest.fixture(scope="module")
def base(job: Job) -> BaseModel:
    found = base_model.describe(str(job.paths.channel("model")), None)
    base_model.name_classes(found, ("NEGATIVE", "POSITIVE"))
    return found


@pytest.fixture(scope="module")
def channel(job: Job) -> Channel:
    return load(job.paths.channel("train"))


@pytest.fixture
def card(base: BaseModel, channel: Channel) -> Card:
    return model_folder.card_of(channel, base, 32, 1, None, "longest_first")


def test_the_folder_is_what_transformers_loads(base: BaseModel, card: Card, tmp_path: Path) -> None:
    model = AutoModelForSequenceClassification.from_config(base.config)
    model_folder.write(tmp_path / "model", model, base, card, RESULT)
    found = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model")
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in found.state_dict().items())
    assert AutoTokenizer.from_pretrained(tmp_path / "model").model_max_length == 32
    assert (tmp_path / "model" / "tokenizer.json").read_bytes() == base.tokenizer_file.read_bytes()


def test_the_card_says_what_it_was_trained_on_and_how_well(base: BaseModel, card: Card, tmp_path: Path) -> None:
    model = AutoModelForSequenceClassification.from_config(base.config)
    model_folder.write(tmp_path / "model", model, base, card, RESULT)
    found = Card.read(tmp_path / "model")
    assert found.training is not None
    assert (found.training["step"], found.training["steps"], found.training["resumed_from"]) == (10, 30, 5)
    assert (found.training["metrics"], found.training["arguments"]) == (RESULT.metrics, RESULT.arguments)
    assert found.training["from_scratch"] is True
    assert (found.partial, found.decision_threshold) == (False, 0.4)
    assert replace(found, training=None, decision_threshold=None) == card


def test_other_weights_go_there_in_place_of_the_models(base: BaseModel, card: Card, tmp_path: Path) -> None:
    model = AutoModelForSequenceClassification.from_config(base.config)
    weights = {name: torch.ones_like(tensor) for name, tensor in model.state_dict().items()}
    model_folder.write(tmp_path / "model", model, base, card, RESULT, weights)
    found = load_file(tmp_path / "model" / "model.safetensors")
    assert found and all(bool((tensor == 1).all()) for tensor in found.values())


def test_what_does_not_pass_the_check_is_not_there(base: BaseModel, card: Card, tmp_path: Path) -> None:
    def refuse(folder: Path) -> None:
        assert (folder / CARD_FILE).is_file() and (folder / "model.safetensors").is_file()
        raise RuntimeError("other answers")

    model = AutoModelForSequenceClassification.from_config(base.config)
    with pytest.raises(RuntimeError, match="other answers"):
        model_folder.write(tmp_path / "model", model, base, card, RESULT, check=refuse)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_data_without_a_card_gets_one(base: BaseModel, channel: Channel) -> None:
    assert model_folder.card_of(channel, base, 32, 1, None, "longest_first") == channel.card
    made = model_folder.card_of(replace(channel, card=None), base, 16, 1, None, "longest_first")
    assert channel.card is not None
    assert (made.label_names, made.max_length, made.seed) == (("NEGATIVE", "POSITIVE"), 16, 1)
    assert made.tokenizer.sha256 == channel.card.tokenizer.sha256
    assert made.splits == {"train": len(channel.rows)}


def test_the_model_card_tells_what_it_does_and_whether_it_is_partial(base: BaseModel, card: Card) -> None:
    text = model_folder.model_card(card, base, RESULT)
    assert "Sorts text into NEGATIVE, POSITIVE; reads at most 32 tokens." in text
    assert "| eval_accuracy | 0.75 |" in text and "step 10 of 30" in text
    assert "Partial" not in text
    assert "**Partial: " in model_folder.model_card(card, base, replace(RESULT, partial=True))
