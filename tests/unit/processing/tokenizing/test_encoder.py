"""Token ids equal the tokenizers library's, with truncation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Encoding, Tokenizer, processors
from transformers import AutoTokenizer
from unit.processing.tokenizing.families import made

from contract.failures import UserError
from processing.arrays import to_texts
from processing.tokenizing import encoder as encoder_module
from processing.tokenizing.encoder import LibraryEncoder, load
from processing.tokenizing.fast_encoder import FastEncoder, encoder
from processing.tokenizing.tokens import Tokens

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
LONG_TEXT = st.lists(st.sampled_from(["the", "good", "film", "[SEP]", "</s>", "\u3040"]), max_size=80).map(" ".join)

SPACED_TEXT = st.lists(
    st.sampled_from(
        ["the", "good", "film", "don't", "\u00e9t\u00e9", "1990", "[SEP]", "<mask>", "  ", "\n", "x.", "\u0301"]
    ),
    max_size=40,
).map(" ".join)


def rows(tokens: Tokens) -> list[list[int]]:
    ends = np.cumsum(tokens.lengths)
    return [part.tolist() for part in np.split(tokens.ids, ends[:-1])] if len(ends) else []


def by_library(path: Path, texts: list[str], max_length: int) -> list[list[int]]:
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return [encoding.ids for encoding in tokenizer.encode_batch(texts)]


@pytest.mark.parametrize("kind", ["wordpiece", "bytelevel"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(ANY_TEXT | LONG_TEXT, min_size=1, max_size=8), max_length=st.integers(3, 20))
def test_equals_the_librarys_truncation(
    kind: str, texts: list[str], max_length: int, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(kind)
    tokens = LibraryEncoder(path, max_length).tokens(texts)
    assert rows(tokens) == by_library(path, texts, max_length)
    assert tokens.full_lengths.tolist() == [len(ids) for ids in by_library(path, texts, 100_000)]


@pytest.mark.parametrize("kind", ["wordpiece", "bytelevel"])
@pytest.mark.parametrize("place", ["tokenizer.json", "tokenizer_config.json"])
def test_truncates_where_transformers_does(
    kind: str, place: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    tokenizer = Tokenizer.from_file(str(request.getfixturevalue(kind)))
    is_carried = place == "tokenizer.json"
    tokenizer.enable_truncation(5, direction="left" if is_carried else "right")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast"} | ({} if is_carried else {"truncation_side": "left"})
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    texts = ["the good film was older than the long book", "the", "", "bad film the"]
    expected = AutoTokenizer.from_pretrained(tmp_path)(texts, truncation=True, max_length=6)["input_ids"]
    found = encoder(LibraryEncoder(tmp_path / "tokenizer.json", 6), "auto")
    assert isinstance(found, FastEncoder)
    assert rows(found.encode(to_texts(texts))) == rows(found.library.tokens(texts)) == expected
    # Truncated at the start, not at the end.
    assert expected[0][1] != AutoTokenizer.from_pretrained(tmp_path)(texts[0])["input_ids"][1]


def test_truncation_and_padding_of_the_file_are_turned_off(wordpiece: Path) -> None:
    tokens = LibraryEncoder(wordpiece, 100).tokens(["the good film was old", "the"])
    assert tokens.full_lengths.tolist() == [7, 3]
    assert Tokenizer.from_file(str(wordpiece)).truncation["max_length"] == 5


def test_no_rows_are_no_tokens(wordpiece: Path) -> None:
    tokens = LibraryEncoder(wordpiece, 8).tokens([])
    assert (len(tokens.ids), len(tokens.lengths)) == (0, 0)


def test_a_max_length_below_the_special_tokens_is_refused(wordpiece: Path) -> None:
    with pytest.raises(UserError, match="--max-length is 2, expected at least 3"):
        LibraryEncoder(wordpiece, 2)


def test_an_unreadable_tokenizer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text('{"model": {"type": "none"}}')
    with pytest.raises(UserError, match=r"tokenizer .*cannot be read"):
        load(path)


@pytest.mark.parametrize(
    "change",
    [{"model": {"vocab": {}}}, {"post_processor": {"single": [{"Sequence": {"id": "B", "type_id": 0}}]}}],
)
def test_a_tokenizer_that_cannot_encode_a_text_is_refused(
    wordpiece: Path, change: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    content = json.loads(wordpiece.read_text())
    content["post_processor"] = {"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}}
    content |= {name: content[name] | value for name, value in change.items()}
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"tokenizer\.json cannot "):
        LibraryEncoder(path, 8)


def test_special_tokens_inside_a_text_are_refused(wordpiece: Path, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(wordpiece))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A [SEP] $A", special_tokens=[("[SEP]", 3)])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(UserError, match="special tokens"):
        LibraryEncoder(tmp_path / "tokenizer.json", 8)


@pytest.mark.parametrize("family", ["uncased", "cased", "roberta", "modernbert"])
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(ANY_TEXT | SPACED_TEXT, min_size=1, max_size=4))
def test_long_texts_have_the_same_tokens_in_parts(
    family: str, texts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_module, "LONG_TEXT", 10)
    monkeypatch.setattr(encoder_module, "PART", 5)
    path = tmp_path / "tokenizer.json"
    if not path.exists():
        made(family).save(str(path))
    tokenizer = LibraryEncoder(path, 16)
    assert rows(tokenizer.tokens(texts)) == by_library(path, texts, 16)
    assert not tokenizer.one_long_text.locked()


def test_a_text_is_divided_only_between_letters_or_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_module, "PART", 3)
    text = "one two, three  four\u00e9 five 6 seven"
    assert list(encoder_module.parts(text)) == ["one", " two, three  four\u00e9 five", " 6 seven"]


@pytest.mark.parametrize(
    "added",
    [AddedToken("good film"), AddedToken("film "), AddedToken("film", rstrip=True)],
    ids=["holds a space", "ends with a space", "takes the next space"],
)
def test_a_tokenizer_whose_added_tokens_reach_over_spaces_encodes_long_texts_whole(
    added: AddedToken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_module, "LONG_TEXT", 10)
    monkeypatch.setattr(encoder_module, "PART", 2)
    tokenizer = made("roberta")
    tokenizer.add_tokens([added])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    texts = ["a good film is a good film here"]
    assert rows(LibraryEncoder(tmp_path / "tokenizer.json", 64).tokens(texts)) == by_library(
        tmp_path / "tokenizer.json", texts, 64
    )


def test_long_texts_of_other_tokenizers_are_encoded_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_module, "LONG_TEXT", 10)
    made("xlmr").save(str(tmp_path / "tokenizer.json"))
    tokenizer = LibraryEncoder(tmp_path / "tokenizer.json", 16)
    held: list[tuple[str, bool]] = []
    encode = tokenizer.tokenizer.encode

    class Recorded:
        def encode(self, text: str) -> Encoding:
            held.append((text, tokenizer.one_long_text.locked()))
            return encode(text)

        def encode_batch_fast(self, texts: list[str]) -> list[Encoding]:
            held.extend((text, tokenizer.one_long_text.locked()) for text in texts)
            return [encode(text) for text in texts]

    monkeypatch.setattr(tokenizer, "tokenizer", Recorded())
    tokenizer.tokens(["a film", "a longer film", "the film"])
    assert held == [("a film", False), ("a longer film", True), ("the film", False)]
    assert not tokenizer.one_long_text.locked()


def test_a_call_of_the_library_takes_few_texts_of_few_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"CHUNK": 3, "CHUNK_CHARACTERS": 8, "LONG_TEXT": 6}.items():
        monkeypatch.setattr(encoder_module, name, value)
    texts = ["a", "b", "c", "d", "eeeee", "ff", "ggggggg", "hhhhhhhhh", "i", ""]
    assert list(encoder_module.chunks(texts)) == [
        ["a", "b", "c"],
        ["d", "eeeee", "ff"],
        ["ggggggg"],
        ["hhhhhhhhh"],
        ["i", ""],
    ]
    assert list(encoder_module.chunks([])) == []
