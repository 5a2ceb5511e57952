"""The function that the toolkit's `train` calls."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from sagemaker_training.errors import ClientError

from contract.failures import UserError
from training import launch
from training.options import TrainingOptions


def test_an_unknown_log_level_is_the_reason_of_the_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    monkeypatch.setenv("SAGEMAKER_CONTAINER_LOG_LEVEL", "loud")
    with pytest.raises(ClientError, match="^SAGEMAKER_CONTAINER_LOG_LEVEL is 'loud', expected INFO, 20 and the like$"):
        launch.main()


def test_a_bad_hyperparameter_is_the_reason_of_the_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    file = tmp_path / "input" / "config" / "hyperparameters.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"processes_per_host": "many"}))
    with pytest.raises(ClientError, match="hyperparameter processes_per_host is 'many', expected"):
        launch.main()


def test_processes_are_those_that_are_asked_for_else_one_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert launch.process_count(TrainingOptions(processes_per_host=3)) == 3
    assert launch.process_count(TrainingOptions()) == 4
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert launch.process_count(TrainingOptions()) == 1
    with pytest.raises(UserError, match="hyperparameter processes_per_host is 0, expected at least 1"):
        launch.process_count(TrainingOptions(processes_per_host=0))


@pytest.fixture
def all_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("all_threads")
def test_one_process_keeps_to_the_cores_of_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "threads", lambda: 1)
    torch.set_num_threads(2)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    launch.keep_to_quota(os.environ)
    assert torch.get_num_threads() == 2
    monkeypatch.delenv("OMP_NUM_THREADS")
    launch.keep_to_quota(os.environ)
    assert torch.get_num_threads() == 1
