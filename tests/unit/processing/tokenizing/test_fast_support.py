"""Tokenizers and texts for which the fast libraries are proven."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from processing.arrays import to_texts
from processing.tokenizing.fast_support import distinct, proven


def content(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


@pytest.fixture
def bert(wordpiece: Path) -> dict[str, Any]:
    return content(wordpiece)


@pytest.fixture
def roberta(bytelevel: Path) -> dict[str, Any]:
    return content(bytelevel)


@pytest.mark.parametrize(
    "change",
    [
        {"normalizer": {"type": "NFC"}},
        {"normalizer": None},
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"model": {"type": "BPE", "vocab": {}}},
    ],
)
def test_other_wordpieces_are_not_proven(bert: dict[str, Any], change: dict[str, Any]) -> None:
    assert proven(bert) is not None
    assert proven(bert | change) is None


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("model", {"dropout": 0.1}),
        ("model", {"ignore_merges": True}),
        ("model", {"end_of_word_suffix": "</w>"}),
        ("model", {"byte_fallback": True}),
        ("model", {"vocab": {"a": 0}}),
        ("pre_tokenizer", {"add_prefix_space": True}),
        ("pre_tokenizer", {"use_regex": False}),
        ("pre_tokenizer", {"type": "Sequence"}),
        ("normalizer", {"type": "NFKC"}),
    ],
)
def test_other_byte_levels_are_not_proven(roberta: dict[str, Any], part: str, change: dict[str, Any]) -> None:
    assert proven(roberta) is not None
    assert proven(roberta | {"normalizer": {"type": "NFC"}}) is not None
    assert proven(roberta | {part: (roberta[part] or {}) | change}) is None


def test_byte_levels_with_many_added_tokens_are_not_proven(roberta: dict[str, Any]) -> None:
    assert proven(roberta | {"added_tokens": [{"id": n, "content": f"{n}<{n}>"} for n in range(10, 40)]}) is None


def test_added_tokens_are_searched_by_common_prefixes() -> None:
    assert distinct(["   ", "  ", "[unused0]", "[unused99]", "<s>", "a<s>b"]) == ("  ", "<s>", "[unus")


@pytest.mark.parametrize("text", ["\n", " the", "the\t", "\u3000"])
def test_wordpieces_with_added_tokens_of_white_space_are_not_proven(bert: dict[str, Any], text: str) -> None:
    assert proven(bert | {"added_tokens": [{"id": 1, "content": "the"}]}) is not None
    assert proven(bert | {"added_tokens": [{"id": 1, "content": text}]}) is None


def test_wordpieces_with_two_added_tokens_of_one_text_or_large_ids_are_not_proven(bert: dict[str, Any]) -> None:
    token = {"id": 1, "content": "the"}
    assert proven(bert | {"added_tokens": [token, token | {"single_word": True}]}) is None
    assert proven(bert | {"added_tokens": [token | {"id": 1 << 31}]}) is None
    vocabulary = bert["model"] | {"vocab": bert["model"]["vocab"] | {"huge": 1 << 31}}
    assert proven(bert | {"model": vocabulary}) is None


def test_every_text_is_proven_for_wordpiece(bert: dict[str, Any]) -> None:
    found = proven(bert)
    assert found is not None
    assert found.holds(to_texts(["[SEP]", "\u4e2d", "\x00", "e\u0301", "the film"])).all()


def test_texts_with_added_tokens_or_unproven_characters_are_not_proven_for_byte_levels(roberta: dict[str, Any]) -> None:
    found = proven(roberta)
    assert found is not None
    right = ["It's a \u00e9t\u00e9, isn't it?\n\tYes -- 'twas \u2026  ", ""]
    assert found.holds(to_texts(right)).tolist() == [True, True]
    wrong = ["<s>", "a</s>", "\n's", "\t'", "\u00a0", "\u3000", "\u0301", "\x85", "\u4e2d", "\x00", "\u200b"]
    assert not found.holds(to_texts(wrong)).any()


def test_where_a_batch_is_cut_does_not_change_what_is_proven(roberta: dict[str, Any]) -> None:
    found = proven(roberta)
    assert found is not None
    texts = ["plain", "\u4e2d", "", "</s> at last", "a < only", "\u00e9t\u00e9", "\x7f", "~ tilde", "\u4e2d"]
    expected = [True, False, True, False, True, True, False, True, False]
    for whole in (to_texts(texts), pa.array(texts, pa.string())):
        for start in range(len(texts)):
            for end in range(start, len(texts) + 1):
                assert found.holds(whole.slice(start, end - start)).tolist() == expected[start:end]
