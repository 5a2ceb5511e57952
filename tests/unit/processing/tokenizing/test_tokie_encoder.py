"""tokie gives the library's ids, and is not used if it does not."""

from __future__ import annotations

import json
import logging
import re
import sys
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import tokie
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.processing.jobs import Write
from unit.processing.tokenizing.families import FAMILIES, WORDS, made

from contract.paths import Paths
from processing.arrays import to_texts
from processing.options import ProcessingOptions
from processing.start import run
from processing.tokenizing import tokie_encoder
from processing.tokenizing.encoder import LibraryEncoder, Tokens
from processing.tokenizing.tokie_encoder import DifferenceError, TokieEncoder, encoder
from processing.tokenizing.tokie_support import WORDPIECE_UNPROVEN, ProvenTexts, proven

SPACES = [" ", " ", "  ", "   ", "\t", "\n", "\r\n", " \n ", "'", "'s", "'LL ", " '", "\n'", "\u00a0", "\u3000", "\x85"]


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer.json of each family."""
    path = tmp_path_factory.mktemp(request.param) / "tokenizer.json"
    made(request.param).save(str(path))
    return path


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bert") / "tokenizer.json"
    made("uncased").save(str(path))
    return path


PROVEN = [chr(code) for code in range(0x3000) if not re.match(WORDPIECE_UNPROVEN, chr(code))]


def same(found: Tokens, expected: Tokens) -> bool:
    pairs = ((found.ids, expected.ids), (found.lengths, expected.lengths), (found.full_lengths, expected.full_lengths))
    return all(np.array_equal(one, other) for one, other in pairs)


def fast_encoder(path: Path, max_length: int = 16) -> TokieEncoder:
    found = encoder(path, max_length, "auto")
    assert isinstance(found, TokieEncoder)
    return found


def proven_texts(path: Path) -> ProvenTexts:
    found = proven(json.loads(path.read_text()))
    assert found is not None
    return found


@pytest.mark.parametrize("family", ["uncased", "cased", "roberta", "modernbert"])
def test_every_proven_character_in_every_position(family: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    made(family).save(str(path))
    unproven = proven_texts(path).unproven
    characters = [chr(code) for code in range(0x3000) if not re.match(unproven, chr(code))]
    assert len(characters) > 500
    texts = [
        text for c in characters for text in (c, f"the{c}film", f"the {c} film", f"{c}the{c}{c}", f"good{c}s {c}1")
    ]
    texts = [text for text, holds in zip(texts, proven_texts(path).holds(to_texts(texts)), strict=True) if holds]
    fast, library = fast_encoder(path, 12), LibraryEncoder(path, 12)
    assert same(fast.encode(to_texts(texts)), library.tokens(texts))
    assert fast.summary()["tokie_rows"] == len(texts) > 5 * len(characters) - 20


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
        | st.text(st.sampled_from(PROVEN), max_size=300)
        | st.lists(st.sampled_from([*WORDS, *SPACES, "don't", "A", "."]), max_size=40).map("".join)
        | st.lists(st.sampled_from([*WORDS, "[SEP]", "[MASK]", "a" * 101, "\x00", "\u3040"]), max_size=30).map(
            " ".join
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(3, 30),
)
def test_generated_texts_get_the_librarys_ids(model: Path, texts: list[str], max_length: int) -> None:
    found = encoder(model, max_length, "auto")
    assert same(found.encode(to_texts(texts)), LibraryEncoder(model, max_length).tokens(texts))
    counted = found.summary()
    assert counted.get("tokie_rows", 0) + counted["tokenizers_rows"] == len(texts)


def test_unproven_texts_go_to_the_library(bert: Path) -> None:
    fast = fast_encoder(bert)
    fast.encode(to_texts(["the film", "a [SEP] b", "\u4e2d", "x\x00y", "e\u0301", "good film"]))
    assert (fast.summary()["tokie_rows"], fast.summary()["tokenizers_rows"]) == (2, 4)


class Wrong:
    """tokie with one changed id in batches that contain a marker."""

    def __init__(self, path: Path, marker: str = "unlikely") -> None:
        self._tokenizer: Any = tokie.Tokenizer.from_json(str(path))
        self._marker = marker

    def no_truncation(self) -> None: ...

    def no_padding(self) -> None: ...

    def encode_batch_flat(self, texts: list[str], add_special_tokens: bool) -> tuple[Any, Any]:
        ids, counts = self._tokenizer.encode_batch_flat(texts, add_special_tokens=add_special_tokens)
        if any(self._marker in text for text in texts):
            ids += 1
        return ids, counts


def test_a_difference_in_the_sample_raises(bert: Path) -> None:
    library = LibraryEncoder(bert, 16)
    fast = TokieEncoder(library, Wrong(bert), proven_texts(bert))
    assert same(fast.encode(to_texts(["the film"])), library.tokens(["the film"]))
    with pytest.raises(DifferenceError):
        fast.encode(to_texts(["unlikely", "good film", "the"]))


def test_of_long_texts_the_start_is_compared(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokie_encoder, "MOST_COMPARED", 8)
    fast = TokieEncoder(LibraryEncoder(bert, 16), Wrong(bert), proven_texts(bert))
    fast.encode(to_texts(["the film is unlikely"]))
    with pytest.raises(DifferenceError):
        fast.encode(to_texts(["unlikely film"]))


def test_a_difference_on_a_probe_falls_back_to_the_library(
    bert: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = Wrong(bert, "Hello")
    monkeypatch.setattr(tokie.Tokenizer, "from_json", lambda _: wrong)
    with caplog.at_level(logging.ERROR):
        assert isinstance(encoder(bert, 8, "auto"), LibraryEncoder)
    assert "differ on a probe" in caplog.text


def test_a_difference_reruns_the_job_with_the_library(
    bert: Path, written: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows before the one with the difference are encoded again, too."""
    lines = [f"good film {number}\t{number % 2}" for number in range(9000)]
    lines[-1] = "unlikely\t1"
    options = ProcessingOptions(
        input=str(written("in/a.tsv", "text\tlabel\n" + "\n".join(lines))), tokenizer=str(bert), train_ratio=1.0
    )
    wrong = Wrong(bert)
    monkeypatch.setattr(tokie.Tokenizer, "from_json", lambda _: wrong)
    with caplog.at_level(logging.ERROR):
        run(options, Paths(tmp_path / "base"))
    assert "restarting" in caplog.text
    report = json.loads((tmp_path / "base/processing/report/report.json").read_text())
    assert report["tokenizing"] == {"tokenizers_rows": 9000, "differences": 1}
    found = datasets.load_from_disk(str(tmp_path / "base/processing/train"))["input_ids"][:]
    texts = [line.split("\t")[0] for line in lines]
    assert found == [row.ids for row in LibraryEncoder(bert, 512).tokenizer.encode_batch(texts)]


def test_the_library_is_used_if_configured_or_if_tokie_is_missing(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(encoder(bert, 8, "tokenizers"), LibraryEncoder)
    monkeypatch.setitem(sys.modules, "tokie", None)
    assert isinstance(encoder(bert, 8, "auto"), LibraryEncoder)
