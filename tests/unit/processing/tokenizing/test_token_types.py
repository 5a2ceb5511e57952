"""Which tokenizers give rows token_type_ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from processing.tokenizing.token_types import asks_for_types


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"tokenizer_class": "BertTokenizer"}, True),
        ({"tokenizer_class": "BertTokenizerFast"}, True),
        ({"tokenizer_class": "DebertaV2Tokenizer"}, True),
        ({"tokenizer_class": "DistilBertTokenizer"}, False),
        ({"tokenizer_class": "RobertaTokenizer"}, False),
        ({"tokenizer_class": "GPT2Tokenizer"}, False),
        ({"tokenizer_class": "BertTokenizer", "model_input_names": ["input_ids", "attention_mask"]}, False),
        ({"tokenizer_class": "GPT2Tokenizer", "model_input_names": ["input_ids", "token_type_ids"]}, True),
        # A class of any model, one that transformers does not know, and none.
        ({"tokenizer_class": "PreTrainedTokenizerFast"}, True),
        ({"tokenizer_class": "MyTokenizer"}, True),
        ({}, True),
        (None, True),
    ],
)
def test_the_configuration_or_the_class_decides(
    settings: dict[str, Any] | None, expected: bool, tmp_path: Path
) -> None:
    if settings is not None:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    assert asks_for_types(tmp_path / "tokenizer.json") is expected
