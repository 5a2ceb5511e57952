import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contract.failures import UserError
from training.__main__ import allocation, main, module_settings, train_command
from training.options import TrainingOptions

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("arguments", [["train"], []])
def test_it_becomes_train_and_keeps_its_process(tmp_path: Path, arguments: list[str]) -> None:
    train = tmp_path / "train"
    train.write_text('#!/bin/sh\necho "$$ $#"\n')
    train.chmod(0o755)
    # An interpreter beside it, which knows this one's packages: `train` of its own folder comes before any on PATH.
    (tmp_path / "python").symlink_to(Path(sys.executable).resolve())
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "SAGEMAKER_BASE_DIR": str(tmp_path / "ml"),
    }
    command: list[str | Path] = [tmp_path / "python", "-m", "training", *arguments]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    output, _ = process.communicate()
    assert output.splitlines()[-1].split() == [str(process.pid), "0"]


def test_other_arguments_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    assert main(["serve"]) == 2
    assert (tmp_path / "output" / "failure").read_text() == (
        "the argument is serve, but this is the training image; expected sagemaker-huggingface-inference for endpoints "
        "and batch transform"
    )


def test_help_lists_the_images_hyperparameters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in TrainingOptions.__dataclass_fields__)


def test_the_callers_memory_settings_win() -> None:
    assert "MALLOC_ARENA_MAX" not in allocation({"MALLOC_ARENA_MAX": "4"})
    assert allocation({})["MALLOC_MMAP_MAX_"] == "0"
    assert allocation({})["PYTORCH_ALLOC_CONF"] == "expandable_segments:True"
    assert "PYTORCH_ALLOC_CONF" not in allocation({"PYTORCH_CUDA_ALLOC_CONF": "max_split_size_mb:64"})


def test_without_the_toolkit_the_images_own_training_runs_and_a_script_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    assert train_command(is_script=False) == [sys.executable, "-m", "training.launch"]
    with pytest.raises(UserError, match="no command train; expected sagemaker-training"):
        train_command(is_script=True)


def test_from_a_clone_the_toolkit_finds_this_package_and_its_own_commands() -> None:
    found = module_settings({"PATH": "/usr/bin", "PYTHONPATH": "/mine"})
    assert found["SAGEMAKER_TRAINING_MODULE"] == "training.launch:main"
    assert found["PYTHONPATH"].split(os.pathsep) == [str(ROOT), "/mine"]
    assert found["PATH"].split(os.pathsep) == ["/usr/bin", str(Path(sys.executable).parent)]
    assert (found["HF_HUB_OFFLINE"], found["ORT_DISABLE_TELEMETRY"]) == ("1", "1")
    assert module_settings({"SAGEMAKER_TRAINING_MODULE": "other:main"})["SAGEMAKER_TRAINING_MODULE"] == "other:main"
