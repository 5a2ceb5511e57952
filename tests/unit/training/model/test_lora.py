"""Layers of low rank learn beside frozen ones, and are gone from what is delivered."""

from __future__ import annotations

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from contract.failures import UserError
from training.model import lora
from training.options import TrainingOptions

IDS = torch.arange(12).reshape(2, 6)


def model() -> BertForSequenceClassification:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, num_labels=3
    )
    return BertForSequenceClassification(config).eval()


def adapted(**options: object) -> BertForSequenceClassification:
    found = model()
    asked = lora.wanted(TrainingOptions(lora_r=4, **options))  # type: ignore[arg-type]
    assert asked is not None
    lora.adapt(found, asked)
    return found.eval()


def trained(found: BertForSequenceClassification) -> BertForSequenceClassification:
    """After three steps."""
    optimizer = torch.optim.SGD([each for each in found.parameters() if each.requires_grad], lr=0.5)
    for _ in range(3):
        found(IDS, labels=torch.tensor([0, 2])).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return found


def test_it_starts_as_the_model_and_only_what_is_small_learns() -> None:
    plain, found = model(), adapted()
    assert torch.equal(plain(IDS).logits, found(IDS).logits)
    learning = {name for name, each in found.named_parameters() if each.requires_grad}
    assert learning >= {"classifier.weight", "classifier.bias"}
    assert all("lora_" in name for name in learning if name.startswith("bert."))
    trained(found)
    before, after = plain.state_dict(), lora.merged(found, None).state_dict()
    assert torch.equal(
        before["bert.embeddings.word_embeddings.weight"], after["bert.embeddings.word_embeddings.weight"]
    )
    query = "bert.encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(before[query], after[query])


def test_what_is_delivered_answers_alike_and_is_a_plain_model() -> None:
    found = trained(adapted())
    whole = lora.merged(found, None)
    assert whole.state_dict().keys() == model().state_dict().keys()
    torch.testing.assert_close(whole(IDS).logits, found(IDS).logits, atol=1e-6, rtol=1e-5)
    assert lora.is_adapted(found) and not lora.is_adapted(whole)


def test_other_weights_can_be_delivered_and_the_model_stays_as_it_is() -> None:
    earlier = {name: each.clone() for name, each in adapted().state_dict().items()}
    found = trained(adapted())
    now = found(IDS).logits
    torch.testing.assert_close(lora.merged(found, earlier)(IDS).logits, model()(IDS).logits, atol=1e-6, rtol=1e-5)
    assert torch.equal(found(IDS).logits, now)


def test_layers_are_chosen_by_their_last_name() -> None:
    names = [name for name, _ in adapted(lora_target_modules=("query", "value")).named_parameters() if "lora_" in name]
    assert len(names) == 2 * 2 * 2
    assert all(".query." in name or ".value." in name for name in names)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UserError, match="lora_target_modules has q_proj, expected some of .*: dense, key, query"):
        adapted(lora_target_modules=("q_proj",))
    assert lora.wanted(TrainingOptions()) is None


def test_each_layer_that_is_named_must_be_there() -> None:
    with pytest.raises(UserError, match="lora_target_modules has valu, expected some of the .* layers: dense, key, "):
        adapted(lora_target_modules=("query", "valu"))
