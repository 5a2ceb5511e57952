"""Weights of the base model: safetensors, all of the encoder, and a head in the order of the data's classes."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from training_base import Job, pretrain

from contract.failures import UserError
from training.model import base_model, loading


def test_pickled_weights_are_refused(job: Job, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(job.paths.channel("model"), tmp_path / "model"))
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(UserError, match="only safetensors is read"):
        loading.load(base_model.describe(str(folder), None), "sdpa")


@pytest.fixture
def pretrained(job: Job, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(job.paths.channel("model"), tmp_path / "pretrained"))
    pretrain(folder)
    return folder


def rename(folder: Path, old: str, new: str) -> None:
    state = {name.replace(old, new): each.clone() for name, each in load_file(folder / "model.safetensors").items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def test_a_loaded_model_is_saved_under_the_names_of_its_type(pretrained: Path, tmp_path: Path) -> None:
    rename(pretrained, "LayerNorm.weight", "LayerNorm.gamma")
    base = base_model.describe(str(pretrained), None)
    model = loading.load(base)
    model.save_pretrained(tmp_path / "saved")
    assert load_file(tmp_path / "saved" / "model.safetensors").keys() == model.state_dict().keys()


def test_a_head_and_a_pooler_may_be_new_but_no_other_tensor(pretrained: Path, caplog: pytest.LogCaptureFixture) -> None:
    rename(pretrained, "pooler", "other")
    base = base_model.describe(str(pretrained), None)
    base_model.name_classes(base, ("a", "b", "c"))
    with caplog.at_level(logging.INFO):
        loading.load(base)
    new = "bert.pooler.dense.bias, bert.pooler.dense.weight, classifier.bias, classifier.weight"
    assert f"4 tensors are new and start at random: {new}" in caplog.text
    rename(pretrained, "layer.1", "layer.2")
    with pytest.raises(UserError, match="lack 16 tensors of a bert encoder"):
        loading.load(base)


def test_the_files_of_the_weights_are_found_whole_and_in_shards(job: Job, pretrained: Path, tmp_path: Path) -> None:
    assert loading.weight_files(base_model.describe(str(job.paths.channel("model")), None)) == []
    base = base_model.describe(str(pretrained), None)
    assert loading.weight_files(base) == [pretrained / "model.safetensors"]
    loading.load(base).save_pretrained(tmp_path / "shards", max_shard_size="40KB")
    shutil.copyfile(pretrained / "tokenizer.json", tmp_path / "shards" / "tokenizer.json")
    shards = loading.weight_files(base_model.describe(str(tmp_path / "shards"), None))
    assert len(shards) > 1
    assert shards == sorted((tmp_path / "shards").glob("model-*.safetensors"))


def test_a_file_that_is_no_safetensors_is_one_sentence(pretrained: Path) -> None:
    content = (pretrained / "model.safetensors").read_bytes()
    for broken in (content[:-1], b""):
        (pretrained / "model.safetensors").write_bytes(broken)
        with pytest.raises(UserError, match="cannot be loaded: "):
            loading.load(base_model.describe(str(pretrained), None))


@pytest.mark.parametrize(("names", "moved"), [(("Good", "BAD"), False), (("bad", "good"), True), (("x", "y"), False)])
def test_the_head_follows_the_order_of_the_datas_classes(
    pretrained: Path, tmp_path: Path, names: tuple[str, str], moved: bool
) -> None:
    first = base_model.describe(str(pretrained), None)
    base_model.name_classes(first, ("good", "bad"))
    loading.load(first).save_pretrained(tmp_path)
    shutil.copyfile(pretrained / "tokenizer.json", tmp_path / "tokenizer.json")
    base = base_model.describe(str(tmp_path), None)
    before = loading.load(base).classifier.weight
    base_model.name_classes(base, names)
    model = loading.load(base)
    assert torch.equal(model.classifier.weight, before.flip(0) if moved else before)
    assert model.config.id2label == dict(enumerate(names))
