"""The fast path gives the library's ids, and steps aside where it does not."""

from __future__ import annotations

import json
import logging
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import tokie
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from contract.paths import Paths
from processing.arrays import to_texts
from processing.options import ProcessingOptions
from processing.start import run
from processing.tokenizing.encoder import LibraryEncoder, Tokens
from processing.tokenizing.tokie_encoder import DifferenceError, TokieEncoder, encoder
from processing.tokenizing.tokie_support import WORDPIECE_UNPROVEN, Proven, proven

Write = Callable[[str, str | bytes], Path]
WORDS = ["the", "good", "film", "##s", "un", "##like", "##ly", "1", "##00"]
SPACES = [" ", " ", "  ", "   ", "\t", "\n", "\r\n", " \n ", "'", "'s", "'LL ", " '", "\n'", "\u00a0", "\u3000", "\x85"]
FAMILIES = ["uncased", "cased", "roberta", "modernbert", "xlmr", "deberta"]
PIECES = [chr(code) for code in range(33, 127)]


def wordpiece(is_lower: bool) -> Tokenizer:
    """A BERT tokenizer that knows every proven character, so that none hides behind [UNK]."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    # Latin letters decompose where accents are stripped: their parts are in the vocabulary too.
    known = [chr(code) for code in range(0x3000) if not re.match(WORDPIECE_UNPROVEN, chr(code))]
    characters = sorted({part for c in known for part in (c, c.lower()) if part.strip()})
    pieces = [*special, *WORDS, *characters, *(f"##{character}" for character in characters)]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.add_special_tokens(special)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=is_lower)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(sep=("[SEP]", 3), cls=("[CLS]", 2))
    return tokenizer


def texts_to_train_on() -> list[str]:
    pick = random.Random(0)
    words = [
        "don't",
        "it's",
        "film",
        "good",
        "unlikely",
        "\u00e9t\u00e9",
        "\u2014",
        "1990",
        "...",
        "A-B",
        "<br />",
        "we'll",
    ]
    return [" ".join(pick.choices(words, k=20)) for _ in range(60)]


def byte_level(normalizer: Any, special: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts_to_train_on(), trainer)
    return tokenizer


def roberta() -> Tokenizer:
    tokenizer = byte_level(None, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.post_processor = processors.RobertaProcessing(sep=("</s>", 2), cls=("<s>", 0), add_prefix_space=False)
    return tokenizer


def modernbert() -> Tokenizer:
    """With runs of spaces and many unused tokens, as the real one has."""
    tokenizer = byte_level(normalizers.NFC(), ["[CLS]", "[SEP]", "[PAD]"])
    tokenizer.add_tokens([AddedToken(" " * count, normalized=True) for count in range(24, 1, -1)])
    tokenizer.add_special_tokens([f"[unused{number}]" for number in range(80)])
    return with_template(tokenizer, "[CLS]", "[SEP]")


def unigram(normalizer: Any, pre_tokenizer: Any, start: str, end: str) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
    trainer = trainers.UnigramTrainer(
        vocab_size=200, special_tokens=[start, end, "<unk>"], unk_token="<unk>", initial_alphabet=PIECES,
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(texts_to_train_on(), trainer)
    return with_template(tokenizer, start, end)


def with_template(tokenizer: Tokenizer, start: str, end: str) -> Tokenizer:
    special = [(name, tokenizer.token_to_id(name)) for name in (start, end)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{start} $A {end}", special_tokens=special)
    return tokenizer


def made(family: str) -> Tokenizer:
    one_space = normalizers.Replace(Regex(" {2,}"), " ")
    if family == "xlmr":
        before = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
        normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), one_space])
        return unigram(normalizer, before, "<s>", "</s>")
    if family == "deberta":
        normalizer = normalizers.Sequence([normalizers.Strip(), normalizers.NFKC(), one_space])
        return unigram(normalizer, pre_tokenizers.Metaspace(), "[CLS]", "[SEP]")
    if family == "roberta":
        return roberta()
    return modernbert() if family == "modernbert" else wordpiece(family == "uncased")


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


def proven_texts(path: Path) -> Proven:
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
def test_any_text_gets_the_librarys_ids(model: Path, texts: list[str], max_length: int) -> None:
    found = encoder(model, max_length, "auto")
    assert same(found.encode(to_texts(texts)), LibraryEncoder(model, max_length).tokens(texts))
    counted = found.summary()
    assert counted.get("tokie_rows", 0) + counted["tokenizers_rows"] == len(texts)


def test_unproven_texts_go_to_the_library(bert: Path) -> None:
    fast = fast_encoder(bert)
    fast.encode(to_texts(["the film", "a [SEP] b", "\u4e2d", "x\x00y", "e\u0301", "good film"]))
    assert (fast.summary()["tokie_rows"], fast.summary()["tokenizers_rows"]) == (2, 4)


class Wrong:
    """tokie with one id changed in batches that hold a marker."""

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


def test_a_difference_in_the_sample_stops_the_fast_path(bert: Path) -> None:
    library = LibraryEncoder(bert, 16)
    fast = TokieEncoder(library, Wrong(bert), proven_texts(bert))
    assert same(fast.encode(to_texts(["the film"])), library.tokens(["the film"]))
    with pytest.raises(DifferenceError):
        fast.encode(to_texts(["unlikely", "good film", "the"]))


def test_a_difference_on_a_probe_leaves_the_library(
    bert: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = Wrong(bert, "Hello")
    monkeypatch.setattr(tokie.Tokenizer, "from_json", lambda _: wrong)
    with caplog.at_level(logging.ERROR):
        assert isinstance(encoder(bert, 8, "auto"), LibraryEncoder)
    assert "differ on a probe" in caplog.text


def test_a_difference_leaves_no_wrong_row(
    bert: Path, written: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows before the one that gave it away are encoded again, too."""
    lines = [f"good film {number}\t{number % 2}" for number in range(9000)]
    lines[-1] = "unlikely\t1"
    options = ProcessingOptions(
        input=str(written("in/a.tsv", "text\tlabel\n" + "\n".join(lines))), tokenizer=str(bert), train_ratio=1.0
    )
    wrong = Wrong(bert)
    monkeypatch.setattr(tokie.Tokenizer, "from_json", lambda _: wrong)
    with caplog.at_level(logging.ERROR):
        run(options, Paths(tmp_path / "base"))
    assert "starting again" in caplog.text
    report = json.loads((tmp_path / "base/processing/report/report.json").read_text())
    assert report["tokenizing"] == {"tokenizers_rows": 9000, "differences": 1}
    found = datasets.load_from_disk(str(tmp_path / "base/processing/train"))["input_ids"][:]
    texts = [line.split("\t")[0] for line in lines]
    assert found == [row.ids for row in LibraryEncoder(bert, 512).tokenizer.encode_batch(texts)]


def test_the_library_alone_where_asked_or_where_tokie_is_missing(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(encoder(bert, 8, "tokenizers"), LibraryEncoder)
    monkeypatch.setitem(sys.modules, "tokie", None)
    assert isinstance(encoder(bert, 8, "auto"), LibraryEncoder)
