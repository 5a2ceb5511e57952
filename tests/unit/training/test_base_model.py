import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from training_base import LABELS, MAX_LENGTH, Job

from contract.card import Card
from contract.failures import UserError
from contract.paths import Paths
from training import base_model
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
    model = base_model.load(base, "sdpa")
    assert model.config.id2label == dict(enumerate(LABELS))
    assert model.config._attn_implementation == "sdpa"


def test_another_tokenizer_than_the_datas_is_refused(job: Job, card: Card, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(job.paths.channel("model"), tmp_path / "model"))
    content = json.loads((folder / "tokenizer.json").read_text())
    content["normalizer"]["lowercase"] = False
    (folder / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="has another tokenizer"):
        base_model.check(base_model.describe(str(folder), None), card, MAX_LENGTH)


def test_rows_longer_than_the_models_positions_are_refused(job: Job, card: Card) -> None:
    base = base_model.describe(str(job.paths.channel("model")), None)
    with pytest.raises(UserError, match="up to 128 tokens.*64 positions"):
        base_model.check(base, dataclasses.replace(card, max_length=128), MAX_LENGTH)


def test_pickled_weights_are_refused(job: Job, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(job.paths.channel("model"), tmp_path / "model"))
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(UserError, match="only safetensors is read"):
        base_model.load(base_model.describe(str(folder), None), "sdpa")
