"""The tokenizer of a job is loaded once, and what the report needs is prepared beside its rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import pytest

from contract.failures import UserError
from contract.tokenizer import fingerprint
from processing.loading import Loading
from processing.options import ProcessingOptions
from processing.tokenizing.fast_encoder import FastEncoder
from processing.tokenizing.pairs import PairEncoder


def test_the_encoder_starts_what_the_report_needs(wordpiece: Path) -> None:
    with ThreadPoolExecutor(1) as background:
        loading = Loading(wordpiece, ProcessingOptions(max_length=8), background)
        assert loading.library is loading.library
        encoder = loading.encoder
        assert isinstance(encoder, FastEncoder) and encoder.library is loading.library
        assert {"fingerprint", "versions"} <= vars(loading).keys()
    assert loading.fingerprint.result() == fingerprint(wordpiece)
    assert loading.versions.result()["duckdb"] == version("duckdb")


def test_texts_of_pairs_are_truncated_together(wordpiece: Path) -> None:
    with ThreadPoolExecutor(1) as background:
        loading = Loading(wordpiece, ProcessingOptions(max_length=8, text_pair_column="other"), background)
        assert loading.library.max_length > 8
        assert isinstance(loading.encoder, PairEncoder) and loading.encoder.max_length == 8


def test_a_tokenizer_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    with ThreadPoolExecutor(1) as background, pytest.raises(UserError, match=r"tokenizer\.json cannot be read"):
        Loading(path, ProcessingOptions(), background).library.summary()
