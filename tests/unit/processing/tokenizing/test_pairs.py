"""Ids and token_type_ids of pairs equal those of transformers, for each truncation strategy and kind of tokenizer."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_tokenizers
from tokenizers import Tokenizer, processors
from transformers import AutoTokenizer

from contract.card import TRUNCATIONS
from contract.failures import UserError
from processing.arrays import to_texts
from processing.tokenizing.encoder import LibraryEncoder
from processing.tokenizing.fast_encoder import FastEncoder
from processing.tokenizing.fast_encoder import encoder as single_encoder
from processing.tokenizing.pairs import NO_LIMIT, PairEncoder, pair_encoder
from processing.tokenizing.tokens import gather

KINDS = ("bert", "roberta", "deberta", "xlm_roberta", "albert", "modernbert", "gpt2", "llama", "mpnet", "t5")
# Of texts without truncation, and for both texts, one and none of them to be cut.
LIMITS = (6, 7, 12, 13, 40)


def untruncated(folder: Path) -> LibraryEncoder:
    return LibraryEncoder(folder / "tokenizer.json", NO_LIMIT)


def made(folder: Path, max_length: int, strategy: str, backend: str = "auto") -> PairEncoder:
    library = untruncated(folder)
    return pair_encoder(library, single_encoder(library, backend), max_length, strategy)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    @cache
    def saved(kind: str) -> Path:
        path = tmp_path_factory.mktemp(kind)
        getattr(tiny_tokenizers, kind)().save_pretrained(path)
        return path

    return saved


def pairs(count: int = 60) -> tuple[list[str], list[str]]:
    """Texts of 1 to 13 words, some with characters beyond ASCII."""
    pick = random.Random(3)
    words = [*tiny_tokenizers.WORDS, "[SEP]", "</s>", "été", "\u3040", "don't", "  "]
    first, second = (
        [" ".join(["good", *pick.choices(words, k=pick.randint(0, 12))]) for _ in range(count)] for _ in range(2)
    )
    return first, second


def rows(encoder: PairEncoder, first: list[str], second: list[str]) -> list[tuple[list[int], list[int] | None]]:
    """Token ids and token_type_ids of each row."""
    tokens = encoder.encode(to_texts(first), to_texts(second))
    found = (tokens[row : row + 1] for row in range(len(first)))
    return [(row.ids.tolist(), None if row.types is None else row.types.tolist()) for row in found]


def by_transformers(tokenizer: Any, first: str, second: str, limit: int, strategy: str) -> Any:
    """Token ids and token_type_ids of one pair; None where transformers has no room."""
    try:
        found = tokenizer(first, second, truncation=strategy, max_length=limit)
    except Exception as error:  # tokenizers raises plain Exception
        assert "Truncation error" in str(error)
        return None
    return found["input_ids"], found.get("token_type_ids")


@pytest.mark.parametrize("strategy", TRUNCATIONS)
@pytest.mark.parametrize(
    ("kind", "side"), [*((kind, "right") for kind in KINDS), *((kind, "left") for kind in KINDS[:2])]
)
def test_pairs_equal_those_of_transformers(
    kind: str, side: str, strategy: str, folder: Callable[[str], Path], tmp_path: Path
) -> None:
    AutoTokenizer.from_pretrained(folder(kind), truncation_side=side).save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    first, second = pairs()
    refused = 0
    for limit in LIMITS:
        encoder = made(tmp_path, limit, strategy)
        assert encoder.side == side
        for found, texts in zip(rows(encoder, first, second), zip(first, second, strict=True), strict=True):
            expected = by_transformers(tokenizer, *texts, limit, strategy)
            refused += expected is None
            assert found == expected or (expected is None and len(found[0]) > limit)
    # Each strategy that cuts one text alone met rows whose other text is too long, and most rows were compared.
    assert (refused > 0) is (strategy != "longest_first") and refused < len(first) * 4


def test_lengths_are_those_without_truncation(folder: Callable[[str], Path]) -> None:
    first, second = pairs()
    encoder = made(folder("bert"), 8, "longest_first")
    tokens = encoder.encode(to_texts(first), to_texts(second))
    whole = AutoTokenizer.from_pretrained(folder("bert"))(first, second)["input_ids"]
    assert tokens.full_lengths.tolist() == [len(ids) for ids in whole]
    assert tokens.lengths.tolist() == [min(len(ids), 8) for ids in whole]


def test_both_backends_agree_and_the_fast_library_takes_part(folder: Callable[[str], Path]) -> None:
    first, second = pairs()
    fast, slow = (made(folder("bert"), 9, "only_second", backend) for backend in ("auto", "tokenizers"))
    assert isinstance(fast.single, FastEncoder)
    assert rows(fast, first, second) == rows(slow, first, second)
    assert fast.summary()["fast_rows"] > 60 and "fast_rows" not in slow.summary()


def test_types_go_with_their_rows(folder: Callable[[str], Path]) -> None:
    encoder = made(folder("bert"), 9, "longest_first")
    tokens = encoder.encode(to_texts(["good", "good good"]), to_texts(["bad bad", "bad"]))
    chosen = gather(tokens, np.array([1, 0, 1]))
    assert chosen.types is not None
    assert chosen.types.tolist() == [0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1]
    assert len(chosen.ids) == len(chosen.types)
    nothing = gather(tokens, np.array([], np.int64))
    assert nothing.types is not None and len(nothing.types) == 0


def test_a_max_length_below_the_special_tokens_and_two_is_refused(folder: Callable[[str], Path]) -> None:
    with pytest.raises(UserError, match="--max-length is 4, expected at least 5: the tokenizer adds 3 special tokens"):
        made(folder("bert"), 4, "longest_first")


@pytest.mark.parametrize("template", ["[CLS] $B $A [SEP]", "[CLS] $A [SEP] $B $A [SEP]"])
def test_a_tokenizer_with_another_order_of_texts_is_refused(
    template: str, folder: Callable[[str], Path], tmp_path: Path
) -> None:
    tokenizer = Tokenizer.from_file(str(folder("bert") / "tokenizer.json"))
    special = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    single = "[CLS] $A [SEP]"
    tokenizer.post_processor = processors.TemplateProcessing(single=single, pair=template, special_tokens=special)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({}))
    with pytest.raises(UserError, match=r"--text-pair-column is set, but tokenizer .* joins two texts in an unusual"):
        made(tmp_path, 16, "longest_first")
