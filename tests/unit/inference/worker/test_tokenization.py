from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import tiny_tokenizers
from tokenizers import Tokenizer, models
from unit.inference.tiny import tokenizer, write_model

from contract.failures import UserError
from inference.errors import RequestError
from inference.worker import tokenization
from inference.worker.request import Text
from inference.worker.tokenization import TextTokenizer, excerpts, token_text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("tokenization"))


def change(file: Path, **values: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_ids_are_those_of_transformers(folder: Path, tmp_path: Path) -> None:
    reference = tokenizer(tmp_path)
    texts = [Text("the good film"), Text(""), Text("dull", "the end")]
    found = TextTokenizer.read(folder).encode(texts, 32)
    assert [row.ids for row in found] == [reference(text.text, text.pair)["input_ids"] for text in texts]
    assert found[2].types == reference("dull", "the end")["token_type_ids"]
    assert [len(row) for row in found] == [5, 2, 6]


def test_a_text_beyond_the_limit_is_truncated_and_marked(folder: Path) -> None:
    own = TextTokenizer.read(folder)
    whole, cut = (own.encode([Text("the good film")], limit)[0] for limit in (5, 4))
    assert (whole.truncated, cut.truncated) == (False, True)
    assert cut.ids == [*whole.ids[:3], whole.ids[4]]
    assert own.encode([Text("the good film")], 5)[0] == whole


KINDS = [tiny_tokenizers.bert, tiny_tokenizers.roberta, tiny_tokenizers.t5, tiny_tokenizers.llama]


def very_long(draw: random.Random) -> list[str]:
    words = [*tiny_tokenizers.WORDS, "unknown", "\u00e9t\u00e9", "\U0001f600", "  ", "\n", ".", "<s>", "\u597d"]
    texts = [space.join(draw.choices(words, k=4_000)) for space in (" ", "\n", ",", "") for _ in range(5)]
    texts += [" " * 9_000 + "good", "good" + " " * 9_000 + "bad", "x" * 9_000, "\n".join(words * 200)]
    return [*texts, "good" * 5_000, "ab" * 9_000, "12345678" * 2_000, "\u597d\u5f71" * 9_000]


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_excerpt_of_a_very_long_text_gives_the_same_tokens(
    kind: Any, side: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind().save_pretrained(tmp_path)
    change(tmp_path / "tokenizer_config.json", truncation_side=side)
    texts = very_long(random.Random(0))
    most = 1_536
    assert all(max(map(len, excerpts(text, most, side))) <= most for text in texts)
    pairs = [Text("good film", text) for text in texts] + [Text(text, "good film") for text in texts]
    wanted = [*map(Text, texts), *pairs, *map(Text, texts, texts[::-1])]
    monkeypatch.setattr(tokenization, "PAIR_CHARACTERS", most)
    own = TextTokenizer.read(tmp_path)
    # An even number of tokens for both texts, so that it does not matter which one is longer.
    limit = own.special_tokens(pair=True) + 14
    found = own.encode(wanted, limit)
    monkeypatch.setattr(tokenization, "MORE_CHARACTERS", 1 << 20)
    monkeypatch.setattr(tokenization, "PAIR_CHARACTERS", 1 << 20)
    assert found == TextTokenizer.read(tmp_path).encode(wanted, limit)


@pytest.mark.parametrize("length", [3, 7, 16])
def test_a_repeated_character_whose_tokens_are_counted_from_the_end_is_tokenized_as_a_whole(length: int) -> None:
    backend = Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -9.0), ("a" * length, -4.0)], 0))
    (row,) = TextTokenizer(backend, {}, "right").encode([Text("a" * (1_000 * length + 1))], 32)
    assert (row.ids, row.truncated) == ([1, *[2] * 31], True)


@pytest.mark.parametrize("text", [" " * 5_000, "x" * 5_000])
def test_a_very_long_text_with_hardly_any_tokens_is_refused(
    text: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokenization, "MOST_CHARACTERS", 4_999)
    monkeypatch.setattr(tokenization, "PAIR_CHARACTERS", 2_000)
    own = TextTokenizer.read(folder)
    assert len(own.encode([Text("good film " * 500), Text("good film " * 500, "bad")], 8)) == 2
    for wrong in (Text(text), Text("good", text), Text(text, "good")):
        with pytest.raises(RequestError, match="a text has 5,000 characters, and hardly any tokens"):
            own.encode([Text("good"), wrong], 8)
    monkeypatch.setattr(tokenization, "MOST_CHARACTERS", 5_000)
    assert len(own.encode([Text(text), Text("good", text)], 8)) == 2


class Recording:
    """A tokenizer that records the lengths of the texts that it tokenizes."""

    def __init__(self, backend: Any) -> None:
        self.backend, self.seen = backend, [0]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def encode_batch_fast(self, texts: list[str], add_special_tokens: bool = True) -> Any:
        self.seen.extend(map(len, texts))
        return self.backend.encode_batch_fast(texts, add_special_tokens=add_special_tokens)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("word", ["good film ", "good\nfilm\n", "\u597d\u5f71"])
def test_a_very_long_text_is_not_tokenized_as_a_whole(word: str, side: str, tmp_path: Path) -> None:
    change(write_model(tmp_path) / "tokenizer_config.json", truncation_side=side)
    own = TextTokenizer.read(tmp_path)
    recording = own._backend = Recording(own._backend)
    (row,) = own.encode([Text(word * 100_000)], 8)
    assert (len(row), row.truncated) == (8, True)
    assert max(recording.seen) < 2_000
    # With fewer tokens than the limit in the excerpt, the whole text counts.
    (row,) = own.encode([Text("good" + " " * 9_000 + "film")], 8)
    assert len(row) == 4
    recording.seen = [0]
    (row,) = own.encode([Text("the end", word * 100_000)], 8)
    assert (len(row), row.truncated, max(recording.seen) <= tokenization.PAIR_CHARACTERS) == (8, True, True)


@pytest.mark.parametrize("strategy", ["only_first", "only_second"])
def test_a_tokenizer_of_pairs_truncates_single_texts_too(strategy: str, folder: Path) -> None:
    own = TextTokenizer.read(folder, strategy)
    assert own.encode([Text("the good film")], 4) == TextTokenizer.read(folder).encode([Text("the good film")], 4)
    first, second = ("the", "the good film")[:: 1 if strategy == "only_second" else -1]
    assert [len(row) for row in own.encode([Text(first, second)], 6)] == [6]
    with pytest.raises(RequestError, match=f"truncates {strategy}"):
        own.encode([Text(second, first)], 5)


def test_truncation_on_the_left_if_the_tokenizer_configures_it(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    whole = TextTokenizer.read(folder).encode([Text("the good film")], 5)[0]
    change(folder / "tokenizer_config.json", truncation_side="left")
    assert TextTokenizer.read(folder).encode([Text("the good film")], 4)[0].ids == [whole.ids[0], *whole.ids[2:]]


def test_truncation_and_padding_of_the_file_are_ignored(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    plain = TextTokenizer.read(folder).encode([Text("the good film")], 32)
    padding = {"strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": None}
    change(
        folder / "tokenizer.json",
        truncation={"max_length": 3, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
        padding=padding | {"pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
    )
    assert TextTokenizer.read(folder).encode([Text("the good film")], 32) == plain


def test_its_settings_are_known(folder: Path, tmp_path: Path) -> None:
    own = TextTokenizer.read(folder)
    assert (own.max_length, own.pad_id) == (32, 0)
    assert (own.special_tokens(pair=False), own.special_tokens(pair=True)) == (2, 3)
    without = write_model(tmp_path)
    change(without / "tokenizer_config.json", pad_token="[NONE]", model_max_length=None)
    assert (TextTokenizer.read(without).max_length, TextTokenizer.read(without).pad_id) == (None, None)


@pytest.mark.parametrize(("token", "text"), [("[PAD]", "[PAD]"), ({"content": "<pad>"}, "<pad>"), (None, ""), ({}, "")])
def test_a_token_is_a_string_or_an_object(token: object, text: str) -> None:
    assert token_text(token) == text


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(UserError, match="tokenizer .*tokenizer.json cannot be read: "):
        TextTokenizer.read(tmp_path)
