"""The fast path gives the library's ids, and steps aside where it does not."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokie
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from processing.fast import UNPROVEN, FastEncoder, encoder, proven
from processing.tokenize import LibraryEncoder, Tokens

PROVEN = [chr(code) for code in range(0x3000) if not UNPROVEN.match(chr(code))]
WORDS = ["the", "good", "film", "##s", "un", "##like", "##ly", "1", "##00"]


@pytest.fixture(scope="module", params=["uncased", "cased"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT tokenizer.json that knows every proven character, so that none hides behind [UNK]."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    # Latin letters decompose where accents are stripped: their parts are in the vocabulary too.
    characters = sorted({part for c in PROVEN for part in (c, c.lower()) if part.strip()})
    pieces = [*special, *WORDS, *characters, *(f"##{character}" for character in characters)]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.add_special_tokens(special)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=request.param == "uncased")
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(sep=("[SEP]", 3), cls=("[CLS]", 2))
    path = tmp_path_factory.mktemp(request.param) / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def same(found: Tokens, expected: Tokens) -> bool:
    pairs = ((found.ids, expected.ids), (found.lengths, expected.lengths), (found.full_lengths, expected.full_lengths))
    return all(np.array_equal(one, other) for one, other in pairs)


def fast_encoder(path: Path, max_length: int = 16) -> FastEncoder:
    made = encoder(path, max_length, "auto")
    assert isinstance(made, FastEncoder)
    return made


def test_every_proven_character_in_every_position(model: Path) -> None:
    texts = [text for c in PROVEN for text in (c, f"the{c}film", f"the {c} film", f"{c}the{c}{c}", f"good{c}s {c}1")]
    fast, library = fast_encoder(model, 12), LibraryEncoder(model, 12)
    assert same(fast.encode(texts), library.encode(texts))
    assert fast.summary()["tokie_rows"] == len(texts)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
        | st.text(st.sampled_from(PROVEN), max_size=300)
        | st.lists(st.sampled_from([*WORDS, "[SEP]", "[MASK]", "a" * 101, "\x00", "\u3040"]), max_size=30).map(
            " ".join
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(3, 30),
)
def test_any_text_gets_the_librarys_ids(model: Path, texts: list[str], max_length: int) -> None:
    fast = fast_encoder(model, max_length)
    assert same(fast.encode(texts), LibraryEncoder(model, max_length).encode(texts))
    counted = fast.summary()
    assert counted["tokie_rows"] + counted["tokenizers_rows"] == len(texts)
    assert counted["differences"] == 0


def test_unproven_texts_go_to_the_library(model: Path) -> None:
    fast = fast_encoder(model)
    fast.encode(["the film", "a [SEP] b", "\u4e2d", "x\x00y", "e\u0301", "good film"])
    assert (fast.summary()["tokie_rows"], fast.summary()["tokenizers_rows"]) == (2, 4)


class Wrong:
    """tokie with one id changed in texts that hold a marker."""

    def __init__(self, path: Path) -> None:
        self._tokenizer: Any = tokie.Tokenizer.from_json(str(path))

    def encode_batch_flat(self, texts: list[str], add_special_tokens: bool) -> tuple[Any, Any]:
        ids, counts = self._tokenizer.encode_batch_flat(texts, add_special_tokens=add_special_tokens)
        if any("unlikely" in text for text in texts):
            ids[0] += 1
        return ids, counts


def test_a_difference_turns_the_fast_path_off_loudly(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    library = LibraryEncoder(model, 16)
    fast = FastEncoder(library, Wrong(model))
    assert same(fast.encode(["the film"]), library.encode(["the film"]))
    texts = ["unlikely", "good film", "the"]
    with caplog.at_level(logging.ERROR):
        assert same(fast.encode(texts), library.encode(texts))
    assert "differ" in caplog.text
    assert same(fast.encode(["good"]), library.encode(["good"]))
    assert fast.summary()["tokie_rows"] == 1
    assert (fast.summary()["tokenizers_rows"], fast.summary()["differences"]) == (4, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"normalizer": {"type": "NFC"}},
        {"normalizer": None},
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"model": {"type": "BPE", "vocab": {}}},
        {"added_tokens": [{"id": n, "content": f"<{n}>"} for n in range(30)]},
    ],
)
def test_other_structures_are_not_proven(model: Path, change: dict[str, Any]) -> None:
    content = json.loads(model.read_text())
    assert proven(content)
    assert not proven(content | change)


def test_the_library_alone_where_asked_or_where_tokie_is_missing(
    model: Path, bytelevel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(encoder(model, 8, "tokenizers"), LibraryEncoder)
    assert isinstance(encoder(bytelevel, 8, "auto"), LibraryEncoder)
    monkeypatch.setitem(sys.modules, "tokie", None)
    assert isinstance(encoder(model, 8, "auto"), LibraryEncoder)
