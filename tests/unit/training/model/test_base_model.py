import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from training_base import LABELS, MAX_LENGTH, Job
from transformers import GPT2Config, PreTrainedTokenizerFast

from contract.card import Card
from contract.failures import UserError
from contract.paths import Paths
from training.model import base_model, loading
from training.model.base_model import BaseModel
from training.options import TrainingOptions


@pytest.fixture
def card(job: Job) -> Card:
    return Card.read(job.paths.channel("train") / "algo-1")


def test_the_channel_model_is_the_default(job: Job, tmp_path: Path) -> None:
    assert base_model.find(TrainingOptions(), job.paths) == str(job.paths.channel("model"))
    assert base_model.find(TrainingOptions(model_name="x"), job.paths) == "x"
    with pytest.raises(UserError, match="model_name is not set"):
        base_model.find(TrainingOptions(), Paths(tmp_path))


def test_a_folder_without_weights_starts_from_scratch_with_the_labels(job: Job, card: Card) -> None:
    base = base_model.describe(str(job.paths.channel("model")), None)
    base_model.name_classes(base, LABELS)
    base_model.check(base, card, MAX_LENGTH)
    assert base.from_scratch
    model = loading.load(base, "sdpa")
    assert model.config.id2label == dict(enumerate(LABELS))
    assert model.config._attn_implementation == "sdpa"
    assert model.config.problem_type == "single_label_classification"


def test_another_tokenizer_than_the_datas_is_refused(job: Job, card: Card, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(job.paths.channel("model"), tmp_path / "model"))
    content = json.loads((folder / "tokenizer.json").read_text())
    content["normalizer"]["lowercase"] = False
    (folder / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="has another tokenizer"):
        base_model.check(base_model.describe(str(folder), None), card, MAX_LENGTH)


def test_rows_longer_than_the_models_positions_are_refused(job: Job, card: Card) -> None:
    base = base_model.describe(str(job.paths.channel("model")), None)
    with pytest.raises(UserError, match="may have 128 tokens.*64 positions"):
        base_model.check(base, dataclasses.replace(card, max_length=128), MAX_LENGTH)


def decoder(folder: Path, **settings: object) -> BaseModel:
    """A tiny GPT-2 with a tokenizer that has an end-of-text token, id 0, and a token `pad`, id 1."""
    tokenizer = Tokenizer(models.WordLevel({"<eos>": 0, "pad": 1, "a": 2, "[UNK]": 3}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    names = {name: settings.pop(name) for name in ("pad_token", "eos_token") if name in settings}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, padding_side="left", **names).save_pretrained(folder)
    config = GPT2Config(vocab_size=4, n_embd=8, n_layer=1, n_head=1, **{"eos_token_id": None, **settings})
    config.save_pretrained(folder)
    return base_model.describe(str(folder), None)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"pad_token": "pad", "pad_token_id": 2}, 2),
        ({"pad_token": "pad"}, 1),
        ({"pad_token": "pad", "pad_token_id": -1}, 1),
        ({"pad_token_id": 99, "eos_token_id": 0}, 0),
        ({"eos_token": "<eos>"}, 0),
        ({"eos_token": "<eos>", "eos_token_id": [2, 3]}, 0),
    ],
)
def test_configuration_and_tokenizer_pad_with_the_same_token(
    tmp_path: Path, settings: dict[str, object], expected: int
) -> None:
    base = decoder(tmp_path, **settings)
    assert base_model.agree_on_padding(base) == expected
    assert base.config.pad_token_id == base.tokenizer.pad_token_id == expected
    assert base.tokenizer.padding_side == "right"


def test_a_model_without_any_token_to_pad_with_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no padding token and no end-of-text token within its 4 tokens"):
        base_model.agree_on_padding(decoder(tmp_path))


def test_an_adapter_is_refused(job: Job, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(job.paths.channel("model"), tmp_path / "model"))
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(UserError, match="is an adapter .adapter_config.json.; expected a whole model"):
        base_model.describe(str(folder), None)
