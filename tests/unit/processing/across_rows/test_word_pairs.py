"""Hashes of word pairs, against words that Python splits."""

from __future__ import annotations

import random
import re
from itertools import pairwise

import pyarrow as pa
import pytest

from processing.across_rows import word_pairs as module
from processing.across_rows.word_pairs import word_pairs

LETTERS = ("a", "b", "é", "日", "\U0001f600", " ", "\n", "\t", ".", ",", "!", "?", "\r", "-", "\0")


def expected(text: str) -> list[tuple[str, ...]]:
    """The word pairs of a text; those of one word are that word."""
    words = [word for word in re.split(r"[ \n\t.,!?]", text) if word]
    return list(pairwise(words)) if len(words) != 1 else [(words[0],)]


def assert_right(texts: list[str], as_type: pa.DataType) -> None:
    """Assert that equal word pairs, and no others, have equal hashes, and that sets are sorted."""
    found = word_pairs(pa.array(texts, as_type))
    assert len(found.offsets) == len(found.set_offsets) == len(texts) + 1
    by_pair: dict[tuple[str, ...], int] = {}
    for number, text in enumerate(texts):
        hashes = found.hashes[found.offsets[number] : found.offsets[number + 1]].tolist()
        for pair, value in zip(expected(text), hashes, strict=True):
            assert by_pair.setdefault(pair, value) == value
        sets = found.sets[found.set_offsets[number] : found.set_offsets[number + 1]].tolist()
        assert sets == sorted({value >> 32 for value in hashes})
    assert len(set(by_pair.values())) == len(by_pair)


@pytest.mark.parametrize("as_type", [pa.string(), pa.large_string()])
@pytest.mark.parametrize("block_bytes", [1, 50, module.BLOCK_BYTES])
def test_random_texts(as_type: pa.DataType, block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", block_bytes)
    pick = random.Random(block_bytes)
    assert_right(["".join(pick.choices(LETTERS, k=pick.choice((0, 1, 2, 30)))) for _ in range(400)], as_type)


@pytest.mark.parametrize("unit", ["x", "é", "\0"])
def test_words_of_all_lengths_differ(unit: str) -> None:
    assert_right([f"{unit * size} {unit * size}y" for size in range(1, 100)], pa.string())


def test_words_that_differ_in_one_byte_differ() -> None:
    word = "abcdefghij" * 5
    assert_right([word[:place] + "-" + word[place + 1 :] for place in range(len(word))], pa.string())


@pytest.mark.parametrize("texts", [[], [""], ["", "", ""], [" .,"], ["", "a", ""], ["a", "b"], ["a b", "c", "", "d e"]])
def test_few_words(texts: list[str]) -> None:
    assert_right(texts, pa.string())


def test_a_part_of_an_array_is_as_the_texts_themselves() -> None:
    texts = ["no part of it", "one two", "", "three", "nor is this"]
    found, other = word_pairs(pa.array(texts).slice(1, 3)), word_pairs(pa.array(texts[1:4]))
    assert [part.tolist() for part in found] == [part.tolist() for part in other]
