"""The tokenizer of a job is loaded once, as its options ask."""

from __future__ import annotations

from pathlib import Path

import nanotoken
import pytest

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.tokenizing.fast_encoder import CACHED_WORDS, FEW_CACHED_WORDS, SMALL_INPUT_BYTES, FastEncoder
from processing.tokenizing.loading import Loading
from processing.tokenizing.pairs import PairEncoder


def test_the_encoder_has_the_library_that_was_loaded(wordpiece: Path) -> None:
    loading = Loading(wordpiece, ProcessingOptions(max_length=8), 1)
    assert loading.library is loading.library
    encoder = loading.encoder
    assert isinstance(encoder, FastEncoder) and encoder.library is loading.library


def test_texts_of_pairs_are_truncated_together(wordpiece: Path) -> None:
    loading = Loading(wordpiece, ProcessingOptions(max_length=8, text_pair_column="other"), 1)
    assert loading.library.max_length > 8
    assert isinstance(loading.encoder, PairEncoder) and loading.encoder.max_length == 8


@pytest.mark.parametrize("pair", [None, "other"])
@pytest.mark.parametrize(("size", "words"), [(SMALL_INPUT_BYTES, FEW_CACHED_WORDS), (1 << 30, CACHED_WORDS)])
def test_fewer_words_are_cached_of_small_input(wordpiece: Path, size: int, words: int, pair: str | None) -> None:
    assert Loading(wordpiece, ProcessingOptions(max_length=8, text_pair_column=pair), size).encoder
    assert nanotoken.get_cache_entries() == words


def test_a_tokenizer_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    with pytest.raises(UserError, match=r"tokenizer\.json cannot be read"):
        Loading(path, ProcessingOptions(), 1).library.summary()
