from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file
from unit.inference.tiny import LABELS, MAX_LENGTH, VOCABULARY, card

from contract.card import CARD_FILE
from contract.failures import UserError
from inference.device import Device
from inference.worker.loading import check_size, load, padding_id
from inference.worker.tokenization import TextTokenizer

CPU = Device(torch.device("cpu"), torch.float32)


@pytest.fixture
def copy(model_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(model_folder, tmp_path / "model")


def test_labels_and_length_come_from_the_card(copy: Path) -> None:
    replace(card(copy), label_names=("no", "yes"), max_length=9).write(copy)
    loaded = load(copy, CPU)
    assert (loaded.label_names, loaded.max_length) == (("no", "yes"), 9)


def test_without_a_card_they_come_from_the_model(copy: Path) -> None:
    (copy / CARD_FILE).unlink()
    loaded = load(copy, CPU)
    assert (loaded.label_names, loaded.max_length) == (LABELS, MAX_LENGTH)
    assert not loaded.model.training
    assert loaded.model.dtype == torch.float32


def test_a_card_cannot_exceed_the_models_limit(copy: Path) -> None:
    replace(card(copy), max_length=1000).write(copy)
    assert load(copy, CPU).max_length == MAX_LENGTH


@pytest.mark.parametrize(
    ("names", "inputs"),
    [
        (["input_ids", "token_type_ids", "attention_mask"], {"attention_mask", "token_type_ids"}),
        (["input_ids", "attention_mask"], {"attention_mask"}),
    ],
)
def test_the_model_gets_token_types_where_its_tokenizer_gives_them(
    copy: Path, names: list[str], inputs: set[str]
) -> None:
    change_settings(copy / "tokenizer_config.json", model_input_names=names)
    assert load(copy, CPU).inputs == inputs


def test_a_model_with_one_token_type_gets_no_token_type_ids(copy: Path) -> None:
    change_settings(copy / "config.json", type_vocab_size=1)
    weights = load_file(copy / "model.safetensors")
    name = "bert.embeddings.token_type_embeddings.weight"
    save_file(weights | {name: weights[name][:1].clone()}, copy / "model.safetensors", {"format": "pt"})
    assert load(copy, CPU).inputs == {"attention_mask"}


@pytest.mark.parametrize(("named", "found"), [(0, 0), (3, 3), (None, None), (-1, None), (10_000, None)])
def test_the_padding_token_is_the_configurations_where_the_model_has_it(named: int | None, found: int | None) -> None:
    assert padding_id(SimpleNamespace(pad_token_id=named, vocab_size=4)) == found


def change_settings(file: Path, **values: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_pickles_are_read_where_allowed_and_give_the_same_weights(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    torch.save(weights, copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    state = load(copy, CPU, allow_pickle=True).model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in weights.items())


class Payload:
    """A malicious pickle, which calls a function when it is loaded."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('the pickle ran')",)


def test_a_pickle_that_holds_more_than_tensors_is_refused(copy: Path) -> None:
    torch.save({"classifier.bias": Payload()}, copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    with pytest.raises(UserError, match="more than tensors"):
        load(copy, CPU, allow_pickle=True)


def drop_head(folder: Path) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    save_file({name: value for name, value in weights.items() if "classifier" not in name}, path, {"format": "pt"})


def one_label(folder: Path) -> None:
    """Change the model to regression, with one label."""
    path = folder / "model.safetensors"
    weights = load_file(path)
    weights |= {name: weights[name][:1].clone() for name in ("classifier.weight", "classifier.bias")}
    save_file(weights, path, {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config |= {"id2label": {"0": "stars"}, "label2id": {"stars": 0}}
    (folder / "config.json").write_text(json.dumps(config))
    replace(card(folder), label_names=(), decision_threshold=0.5).write(folder)


def swap_token(folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(path.read_text().replace('"dull"', '"dumb"'))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "has no tokenizer.json"),
        (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "ALLOW_PICKLE=true"),
        (lambda folder: (folder / "model.safetensors").unlink(), "has no \\*.safetensors"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"none"), "cannot be loaded"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be loaded"),
        (lambda folder: (folder / "config.json").write_text("{}"), "cannot be loaded"),
        (drop_head, "no weights for classifier.bias and 1 more; "),
        (swap_token, "expected the tokenizer that the model was trained with"),
        (
            lambda folder: card(folder, ("a", "b", "c")).write(folder),
            "number of labels: 3 in card.json, 2 in the model; ",
        ),
        (lambda folder: replace(card(folder), decision_threshold=50).write(folder), "50, expected a probability"),
        (one_label, "that does not choose between two labels"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_broken_folder_is_refused_in_one_sentence(copy: Path, spoil: Callable[[Path], object], sentence: str) -> None:
    spoil(copy)
    with pytest.raises(UserError, match=sentence) as caught:
        load(copy, CPU)
    assert "\n" not in str(caught.value)


def test_a_tokenizer_with_more_tokens_than_the_model_is_named(
    model_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer, count = TextTokenizer.read(model_folder), len(VOCABULARY)
    check_size(tokenizer, SimpleNamespace(vocab_size=count))
    check_size(tokenizer, SimpleNamespace())
    assert caplog.messages == []
    check_size(tokenizer, SimpleNamespace(vocab_size=count - 1))
    assert caplog.messages == [f"the tokenizer has {count} tokens, the model {count - 1}: texts with the others fail"]
