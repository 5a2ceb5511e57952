"""The fast libraries give the ids of tokenizers, and are not used if they do not."""

from __future__ import annotations

import json
import logging
import random
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer
from unit.processing.jobs import Write
from unit.processing.tokenizing.families import FAMILIES, SETTINGS, WORDS, made, with_added

from contract.paths import Paths
from processing.arrays import to_texts
from processing.options import ProcessingOptions
from processing.start import run
from processing.tokenizing import fast_encoder as fast_encoders
from processing.tokenizing.encoder import LibraryEncoder
from processing.tokenizing.fast_encoder import DifferenceError, FastEncoder, encoder
from processing.tokenizing.fast_support import BYTE_LEVEL_UNPROVEN, NANOTOKEN, ProvenTexts, proven
from processing.tokenizing.tokens import Tokens

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


PROVEN = [chr(code) for code in range(0x3000) if not re.match(BYTE_LEVEL_UNPROVEN, chr(code))]


def same(found: Tokens, expected: Tokens) -> bool:
    pairs = ((found.ids, expected.ids), (found.lengths, expected.lengths), (found.full_lengths, expected.full_lengths))
    return all(np.array_equal(one, other) for one, other in pairs)


def fast_encoder(path: Path, max_length: int = 16) -> FastEncoder:
    found = encoder(LibraryEncoder(path, max_length), "auto")
    assert isinstance(found, FastEncoder)
    return found


def proven_texts(path: Path) -> ProvenTexts:
    found = proven(json.loads(path.read_text()))
    assert found is not None
    return found


@pytest.mark.parametrize("family", ["uncased", "cased"])
def test_every_character_of_unicode_in_wordpiece(family: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    made(family).save(str(path))
    fast, library = fast_encoder(path, 30), LibraryEncoder(path, 30)
    every = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    # Of the unassigned characters and those for private use every 32nd.
    used = [c for n, c in enumerate(every) if n % 32 == 0 or unicodedata.category(c) not in ("Cn", "Co")]
    for characters in batched(used, 50_000):
        texts = [f"{c}the{c}{c} good {c} film{c}" for c in characters]
        assert same(fast.encode(to_texts(texts)), library.tokens(texts)), characters[0]
    assert fast.summary()["fast_rows"] == len(used) > 150_000


def batched(items: Iterable[str], size: int) -> Iterator[list[str]]:
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


@pytest.mark.parametrize("family", ["roberta", "modernbert"])
def test_every_proven_character_in_every_position(family: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    made(family).save(str(path))
    assert len(PROVEN) > 500
    texts = [text for c in PROVEN for text in (c, f"the{c}film", f"the {c} film", f"{c}the{c}{c}", f"good{c}s {c}1")]
    texts = [text for text, holds in zip(texts, proven_texts(path).holds(to_texts(texts)), strict=True) if holds]
    fast, library = fast_encoder(path, 12), LibraryEncoder(path, 12)
    assert same(fast.encode(to_texts(texts)), library.tokens(texts))
    assert fast.summary()["fast_rows"] == len(texts) > 5 * len(PROVEN) - 20


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
    found = encoder(LibraryEncoder(model, max_length), "auto")
    assert same(found.encode(to_texts(texts)), LibraryEncoder(model, max_length).tokens(texts))
    counted = found.summary()
    assert counted.get("fast_rows", 0) + counted["tokenizers_rows"] == len(texts)


@pytest.mark.parametrize("change", SETTINGS)
def test_other_settings_of_wordpiece(bert: Path, change: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    content = json.loads(bert.read_text())
    for name, value in change.items():
        content[name] = [*content[name], *value] if isinstance(value, list) else {**content[name], **value}
    for token in content["added_tokens"]:
        content["model"]["vocab"].setdefault(token["content"], token["id"])
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    pick = random.Random(0)
    pieces = [*WORDS, *SPACES, *PROVEN, "Good", "Film", "[SEP]", "e\u0301", "\u4e2d", "\x00", "\u0130", "a" * 101]
    texts = ["".join(pick.choices(pieces, k=20)) for _ in range(1000)]
    fast = fast_encoder(path, 64)
    assert same(fast.encode(to_texts(texts)), LibraryEncoder(path, 64).tokens(texts))
    assert fast.summary()["fast_rows"] == len(texts)


def test_unproven_texts_go_to_the_library(bytelevel: Path) -> None:
    fast = fast_encoder(bytelevel)
    fast.encode(to_texts(["the film", "a </s> b", "\u4e2d", "x\x00y", "e\u0301", "good film"]))
    assert (fast.summary()["fast_rows"], fast.summary()["tokenizers_rows"]) == (2, 4)


class Wrong:
    """nanotoken with ids that are one too large in batches that contain a marker."""

    def __init__(self, path: Path, marker: str = "unlikely") -> None:
        self._encode = fast_encoders.nanotoken(path)
        self._marker = marker

    def __call__(self, texts: Sequence[str]) -> tuple[Any, Any]:
        ids, counts = self._encode(texts)
        return (ids + 1 if any(self._marker in text for text in texts) else ids), counts


def test_a_difference_in_the_sample_raises(bert: Path) -> None:
    library = LibraryEncoder(bert, 16)
    fast = FastEncoder(library, Wrong(bert), proven_texts(bert))
    assert same(fast.encode(to_texts(["the film"])), library.tokens(["the film"]))
    with pytest.raises(DifferenceError):
        fast.encode(to_texts(["unlikely", "good film", "the"]))


def test_of_long_texts_the_start_is_compared(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_encoders, "MOST_COMPARED", 8)
    fast = FastEncoder(LibraryEncoder(bert, 16), Wrong(bert), proven_texts(bert))
    fast.encode(to_texts(["the film is unlikely"]))
    with pytest.raises(DifferenceError):
        fast.encode(to_texts(["unlikely film"]))


def test_a_difference_on_a_probe_falls_back_to_the_library(
    bert: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = Wrong(bert, "Hello")
    monkeypatch.setitem(fast_encoders.FAST, NANOTOKEN, lambda *_: wrong)
    with caplog.at_level(logging.ERROR):
        assert isinstance(encoder(LibraryEncoder(bert, 8), "auto"), LibraryEncoder)
    assert "differ on a probe" in caplog.text


@pytest.mark.parametrize("others", [0, 100])
def test_an_added_token_without_its_own_id_falls_back_to_the_library(bert: Path, tmp_path: Path, others: int) -> None:
    """tokenizers numbers such a token anew."""
    first = max(json.loads(bert.read_text())["model"]["vocab"].values()) + 1
    unused = [{"id": first + number, "content": f"[unused{number}]"} for number in range(others)]
    path = with_added(bert, tmp_path, *unused)
    assert isinstance(encoder(LibraryEncoder(path, 3), "auto"), FastEncoder)
    path = with_added(bert, tmp_path, *unused, {"id": 99_999, "content": "Good"})
    assert isinstance(encoder(LibraryEncoder(path, 3), "auto"), LibraryEncoder)


def test_a_tokenizer_that_panics_on_a_probe_is_used_by_the_library(bert: Path, tmp_path: Path) -> None:
    """tokenizers panics where an added token is one that the normalizer removes, on texts beyond ASCII."""
    tokenizer = Tokenizer.from_file(str(bert))
    tokenizer.add_tokens([AddedToken("\u200d", normalized=True)])
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    found = encoder(LibraryEncoder(path, 8), "auto")
    assert isinstance(found, LibraryEncoder)
    assert len(found.encode(to_texts(["the film"])).ids) > 2


def test_a_part_that_nanotoken_does_not_support_is_left_to_the_library(bert: Path, tmp_path: Path) -> None:
    content = json.loads(bert.read_text())
    whole = content["post_processor"]
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content | {"post_processor": {"type": "Sequence", "processors": [whole]}}))
    found = encoder(LibraryEncoder(path, 8), "auto")
    assert isinstance(found, LibraryEncoder)
    assert same(found.encode(to_texts(["the film"])), fast_encoder(bert, 8).encode(to_texts(["the film"])))


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
    monkeypatch.setitem(fast_encoders.FAST, NANOTOKEN, lambda *_: wrong)
    with caplog.at_level(logging.ERROR):
        run(options, Paths(tmp_path / "base"))
    assert "restarting" in caplog.text
    report = json.loads((tmp_path / "base/processing/report/report.json").read_text())
    assert report["tokenizing"] == {"tokenizers_rows": 9000, "differences": 1}
    found = datasets.load_from_disk(str(tmp_path / "base/processing/train"))["input_ids"][:]
    texts = [line.split("\t")[0] for line in lines]
    assert found == [row.ids for row in LibraryEncoder(bert, 512).tokenizer.encode_batch(texts)]


@pytest.mark.parametrize(("family", "library"), [("uncased", "nanotoken"), ("roberta", "tokie")])
def test_tokenizers_is_used_if_configured_or_if_the_fast_library_is_missing(
    family: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "tokenizer.json"
    made(family).save(str(path))
    assert fast_encoder(path, 8).summary()["fast_library"] == library
    assert isinstance(encoder(LibraryEncoder(path, 8), "tokenizers"), LibraryEncoder)
    monkeypatch.setitem(sys.modules, library, None)
    assert isinstance(encoder(LibraryEncoder(path, 8), "auto"), LibraryEncoder)
    assert f"{library} is not installed" in caplog.text
