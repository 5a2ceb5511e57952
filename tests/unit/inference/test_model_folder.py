from __future__ import annotations

from pathlib import Path

import pytest

from contract.failures import UserError
from inference.model_folder import loaded_weights, locate, top, weights


def make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    return folder


@pytest.mark.parametrize(
    ("files", "place"),
    [
        (["config.json", "old/config.json"], "."),
        (["adapter_config.json", "base/config.json"], "."),
        (
            ["review-classifier/config.json", "._review-classifier"],
            "review-classifier",
        ),
        (["checkpoint-500/config.json", "checkpoint-500/optimizer.pt", "trainer_state.json"], "checkpoint-500"),
        (["model/config.json", "__MACOSX/config.json", "._model/config.json"], "model"),
        (["README.md", "empty/README.md"], "."),
    ],
)
def test_the_model_is_at_the_top_or_in_the_only_folder_with_one(tmp_path: Path, files: list[str], place: str) -> None:
    assert locate(make(tmp_path, *files)) == tmp_path / place
    assert top(tmp_path) == tmp_path / place


def test_a_teams_code_stays_with_the_archives_top(tmp_path: Path) -> None:
    make(tmp_path, "code/inference.py", "model/config.json")
    assert top(tmp_path) == tmp_path
    assert locate(tmp_path) == tmp_path / "model"


def test_several_models_are_refused(tmp_path: Path) -> None:
    make(tmp_path, "checkpoint-10/config.json", "checkpoint-20/config.json")
    with pytest.raises(UserError, match="has 2 models, in the folders checkpoint-10, checkpoint-20; expected one"):
        locate(tmp_path)


def test_weights_are_those_of_a_whole_model(tmp_path: Path) -> None:
    make(tmp_path, "model.safetensors", "._model.safetensors", "adapter_model.safetensors", "config.json")
    assert weights(tmp_path, "*.safetensors") == ["model.safetensors"]


@pytest.mark.parametrize(
    ("files", "loaded"),
    [
        (["config.json", "model.safetensors", "checkpoint-5/model.safetensors", "onnx/x.safetensors"], "model"),
        (["m/config.json", "m/model.safetensors", "m/checkpoint-5/config.json"], "m/model"),
        (["config.json", "model-00001-of-2.safetensors", "model-00002-of-2.safetensors"], "model-0000"),
        (["config.json", "model.safetensors", "model-00001-of-2.safetensors"], "model."),
        (["adapter_config.json", "adapter_model.safetensors", "base/config.json", "base/model.safetensors"], ""),
        (["adapter_config.json", "adapter_model.safetensors", "config.json", "model.safetensors", "c/a.bin"], ""),
        (["adapter_config.json", "adapter_model.safetensors", "checkpoint-5/adapter_model.safetensors"], "adapter_m"),
        (["config.json", "pytorch_model.bin", "checkpoint-5/pytorch_model.bin"], "pytorch_model"),
        # What only code of the model folder can load.
        (["code/inference.py", "a/config.json", "a/x.safetensors", "b/config.json", "b/pytorch_model.bin"], ""),
    ],
)
def test_loaded_weights_are_those_of_the_model_without_checkpoints(
    tmp_path: Path, files: list[str], loaded: str
) -> None:
    make(tmp_path, *files)
    expected = {name for name in files if name.startswith(loaded) and name.endswith((".safetensors", "model.bin"))}
    assert {str(path.relative_to(tmp_path)) for path in loaded_weights(tmp_path)} == expected
