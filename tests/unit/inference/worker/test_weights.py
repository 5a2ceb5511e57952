from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from unit.inference.tiny import write_model

from contract.card import CARD_FILE
from contract.failures import UserError
from inference.device import Device
from inference.worker.loading import load
from inference.worker.weights import read_model

CPU = Device(torch.device("cpu"), torch.float32)


def change_config(folder: Path, drop: tuple[str, ...] = (), **values: object) -> None:
    file = folder / "config.json"
    kept = {name: value for name, value in json.loads(file.read_text()).items() if name not in drop}
    file.write_text(json.dumps(kept | values))


def test_three_labels_without_names_are_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    write_model(tmp_path, ("a", "b", "c"))
    (tmp_path / CARD_FILE).unlink()
    change_config(tmp_path, drop=("id2label", "label2id", "num_labels"))
    assert load(tmp_path, CPU).label_names == ("LABEL_0", "LABEL_1", "LABEL_2")
    assert caplog.messages == ["config.json has no id2label and no num_labels; number of labels by the weights: 3"]
    assert "LOAD REPORT" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("names", "words"), [(["cls.bias"], "cls.bias"), (["cls.bias", "cls.more"], "cls.bias and 1 more")]
)
def test_tensors_that_the_model_lacks_are_counted(
    names: list[str], words: str, model_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "model")
    file = folder / "model.safetensors"
    save_file(load_file(file) | {name: torch.zeros(2) for name in names}, file, {"format": "pt"})
    read_model(folder, CPU)
    assert caplog.messages == [f"weights that are not part of the model are ignored: {words}"]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"id2label": {"0": "a", "1": "b"}}, "classifier.bias of shape \\[3\\], config.json gives \\[2\\]"),
        ({"hidden_size": 32}, "of shape \\[16\\], config.json gives \\[32\\]; expected the configuration"),
    ],
)
def test_weights_of_other_shapes_are_one_clear_sentence(
    tmp_path: Path, values: dict[str, object], sentence: str
) -> None:
    write_model(tmp_path, ("a", "b", "c"))
    change_config(tmp_path, drop=("label2id",), **values)
    with pytest.raises(UserError, match=sentence):
        read_model(tmp_path, CPU)


def test_files_of_macos_are_no_weights(model_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "model")
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        (folder / f"._{name}").write_bytes(b"\0\x05\x16\7Mac OS X")
    assert load(folder, CPU).label_names == ("NEGATIVE", "POSITIVE")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="has no \\*.safetensors"):
        load(folder, CPU)
