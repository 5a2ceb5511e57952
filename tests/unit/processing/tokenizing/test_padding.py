"""Padded rows: length, padding token and attention mask."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from contract.failures import UserError
from processing.tokenizing.encoder import LibraryEncoder
from processing.tokenizing.padding import pad_id, padded
from processing.tokenizing.tokens import Tokens

Write = Callable[[str, str | bytes], Path]


def test_rows_are_padded_to_the_width() -> None:
    tokens = Tokens(np.array([5, 6, 7, 8], np.int32), np.array([1, 0, 3], np.int32), np.array([1, 0, 3], np.int32))
    ids, mask = padded(tokens, 3, 9)
    assert ids.to_pylist() == [[5, 9, 9], [9, 9, 9], [6, 7, 8]]
    assert mask.to_pylist() == [[1, 0, 0], [0, 0, 0], [1, 1, 1]]


def test_padding_equals_the_librarys(wordpiece: Path) -> None:
    encoder = LibraryEncoder(wordpiece, 6)
    texts = ["", "good", "the film was longer than the book"]
    ids, mask = padded(encoder.tokens(texts), 6, pad_id(wordpiece))
    library = encoder.tokenizer
    library.enable_truncation(6)
    library.enable_padding(length=6, pad_id=pad_id(wordpiece))
    expected = library.encode_batch(texts)
    assert ids.to_pylist() == [row.ids for row in expected]
    assert mask.to_pylist() == [row.attention_mask for row in expected]


def content(**parts: object) -> str:
    added = [{"id": 4, "content": "</s>"}, {"id": 7, "content": "<pad>"}]
    return json.dumps({"model": {}, "added_tokens": added, **parts})


def test_the_padding_token_is_found(written: Write) -> None:
    assert pad_id(written("a/tokenizer.json", content(padding={"pad_id": 3}))) == 3
    assert pad_id(written("b/tokenizer.json", content())) == 7
    for number, value in enumerate(("</s>", {"content": "</s>"})):
        written(f"c{number}/tokenizer_config.json", json.dumps({"pad_token": value}))
        assert pad_id(written(f"c{number}/tokenizer.json", content())) == 4
    written("d/tokenizer_config.json", json.dumps({"pad_token": None}))
    with pytest.raises(UserError, match="has no padding token"):
        pad_id(written("d/tokenizer.json", content(added_tokens=[])))
