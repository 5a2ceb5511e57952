from __future__ import annotations

import json
from pathlib import Path

import pytest
from unit.inference.tiny import tokenizer, write_model

from contract.failures import UserError
from inference.errors import RequestError
from inference.worker.request import Text
from inference.worker.tokenization import TextTokenizer, token_text


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
