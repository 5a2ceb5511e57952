from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    DistilBertConfig,
    GPT2Config,
    PreTrainedModel,
    TrainingArguments,
)

from contract.failures import UserError
from training.model import layers

BERT = BertConfig(
    vocab_size=9, hidden_size=8, num_hidden_layers=3, num_attention_heads=2, intermediate_size=8, num_labels=2
)
DISTILBERT = DistilBertConfig(vocab_size=9, dim=8, n_layers=3, n_heads=2, hidden_dim=8)
GPT2 = GPT2Config(vocab_size=9, n_embd=8, n_layer=3, n_head=2)


def model(config: BertConfig | DistilBertConfig | GPT2Config = BERT) -> PreTrainedModel:
    return AutoModelForSequenceClassification.from_config(config)


@pytest.mark.parametrize("config", [BERT, DISTILBERT, GPT2])
def test_depth_rises_from_the_embeddings_to_the_head(config: BertConfig) -> None:
    found = layers.depths(model(config), "layer_decay")
    assert set(found.values()) == {0, 1, 2, 3, 4}
    embeddings = [name for name, depth in found.items() if depth == 0]
    assert embeddings and all("embed" in name or ".w" in name for name in embeddings)
    heads = ("classifier", "pooler", "score", "ln_f")
    assert all(any(head in name for head in heads) for name, depth in found.items() if depth == 4)


def test_frozen_layers_keep_their_weights() -> None:
    found = model()
    layers.freeze(found, 2)
    trained = {name for name, tensor in found.named_parameters() if tensor.requires_grad}
    assert {name.split("layer.")[1][0] for name in trained if "layer." in name} == {"2"}
    assert "classifier.weight" in trained and not any("embeddings" in name for name in trained)
    with pytest.raises(UserError, match="frozen_layers is 4, expected at most the 3 layers of the model"):
        layers.freeze(found, 4)


def test_each_layer_learns_slower_than_the_one_above(tmp_path: Path) -> None:
    args = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, learning_rate=1e-3, weight_decay=0.1)
    settings = layers.optimizer_settings(model(), args, 0.5)
    assert settings is not None
    groups = settings[1]["params"]
    assert sorted({group["lr"] for group in groups}) == pytest.approx([1e-3 * 0.5**n for n in (4, 3, 2, 1, 0)])
    assert {group["weight_decay"] for group in groups} == {0.0, 0.1}
    assert sum(len(group["params"]) for group in groups) == len(list(model().parameters()))
    assert layers.optimizer_settings(model(), args, None) is None


@pytest.mark.parametrize("config", [BERT, DISTILBERT, GPT2])
def test_dropout_is_that_of_all_layers(config: BertConfig) -> None:
    changed = type(config).from_dict(config.to_dict())
    layers.set_dropout(changed, 0.25)
    found = [each.p for each in model(changed).modules() if isinstance(each, torch.nn.Dropout)]
    assert found and set(found) == {0.25}
