"""Which rows suit a model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from datasets import Dataset

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
