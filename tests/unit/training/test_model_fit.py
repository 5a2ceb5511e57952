"""Which rows suit a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import AutoConfig, AutoModelForSequenceClassification

from contract.failures import UserError
from training import model_fit
from training.data.channel import Channels, load
from training.model import base_model
from training.model.base_model import BaseModel


def test_rows_longer_than_what_the_delivered_model_reads_are_refused(base: BaseModel, channels: Channels) -> None:
    longest = max(int(channel.lengths.max()) for channel in channels.all)
    short = Channels(channels.train, channels.validation, None, longest - 1)
    with pytest.raises(UserError, match=f"^rows have up to {longest} tokens, but max_length is {longest - 1}: "):
        model_fit.fit(base, short)


def test_the_model_gets_the_classes_of_the_rows(base: BaseModel, channels: Channels) -> None:
    model_fit.fit(base, channels)
    assert base.config.id2label == {0: "NEGATIVE", 1: "POSITIVE"}


def test_token_ids_beyond_the_vocabulary_are_refused(base: BaseModel, channels: Channels) -> None:
    model_fit.refuse_unknown_tokens(base, channels.train)
    small: Any = SimpleNamespace(
        name="m", config=SimpleNamespace(get_text_config=lambda: SimpleNamespace(vocab_size=9))
    )
    with pytest.raises(UserError, match="rows have token ids from 2 to .*, but model m has 9 tokens"):
        model_fit.refuse_unknown_tokens(small, channels.train)


@pytest.mark.parametrize(("ids", "refused"), [([2, 7, 3, 0, 0], True), ([0, 0, 2, 7, 3], True), ([2, 7, 3, 0], False)])
def test_padding_without_a_mask_is_refused(base: BaseModel, tmp_path: Path, ids: list[int], refused: bool) -> None:
    base_model.agree_on_padding(base)
    rows: dict[str, list[Any]] = {"input_ids": [[2, 7, 8, 9, 3], ids], "labels": [0, 1]}
    Dataset.from_dict(rows).save_to_disk(str(tmp_path / "rows"))
    if refused:
        with pytest.raises(
            UserError, match="1 rows have padding tokens at their start or end and no column attention_ma"
        ):
            model_fit.refuse_padding(base, load(tmp_path / "rows"))
    else:
        model_fit.refuse_padding(base, load(tmp_path / "rows"))
    masked = rows | {"attention_mask": [[1] * len(each) for each in rows["input_ids"]]}
    Dataset.from_dict(masked).save_to_disk(str(tmp_path / "masked"))
    model_fit.refuse_padding(base, load(tmp_path / "masked"))


class Classifier(torch.nn.Module):
    """Sums up tokens; `leak` of the sum is that of padding tokens, as in a model that does not mask them."""

    def __init__(self, leak: float, error: Exception | None = None) -> None:
        super().__init__()
        self.leak, self.error = leak, error
        self.config = SimpleNamespace(_attn_implementation="eager")

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        if self.error:
            raise self.error
        weights = attention_mask + self.leak * (1 - attention_mask)
        return SimpleNamespace(logits=((input_ids + 1) * weights).sum(1, keepdim=True).float())


def test_a_model_whose_answers_depend_on_padding_is_refused(
    base: BaseModel, channels: Channels, caplog: pytest.LogCaptureFixture
) -> None:
    base_model.agree_on_padding(base)
    for leak in (0.0, 1e-2):
        model_fit.refuse_dependence_on_padding(base, Classifier(leak), channels.train)
        assert ("gives a row other logits where a batch pads it" in caplog.text) is (leak > 0)
    with pytest.raises(UserError, match=r"^model .* \(bert\) gives a row other logits where a batch pads it, by "):
        model_fit.refuse_dependence_on_padding(base, Classifier(1.0), channels.train)


def test_a_model_that_cannot_compute_a_row_is_refused(base: BaseModel, channels: Channels) -> None:
    base_model.agree_on_padding(base)
    broken: Any = Classifier(0.0, RuntimeError("The size of tensor a (8)\nmust match"))
    with pytest.raises(UserError, match=r"cannot compute a row of \d+ tokens of channel train: The size of tensor a"):
        model_fit.refuse_dependence_on_padding(base, broken, channels.train)


@pytest.mark.parametrize("name", ["xlnet", "fnet", "nystromformer"])
def test_architectures_whose_answers_depend_on_padding_are_refused(
    base: BaseModel, channels: Channels, name: str
) -> None:
    sizes = {"d_model": 32, "d_inner": 64, "n_head": 2, "n_layer": 2}
    if name != "xlnet":
        sizes = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2, "num_hidden_layers": 2}
    config = AutoConfig.for_model(name, vocab_size=len(base.tokenizer), pad_token_id=0, **sizes)
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config)
    for parameter in model.parameters():
        # As large as those of a trained model.
        torch.nn.init.normal_(parameter, std=0.3)
    with pytest.raises(UserError, match=f"^model .* \\({name}\\) gives a row other logits where a batch pads it"):
        model_fit.refuse_dependence_on_padding(replace(base, config=config), model, channels.train)
