"""The function that the toolkit's `train` calls."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from sagemaker_training.errors import ClientError

from contract.failures import UserError
from training import launch
from training.hyperparameters import Hyperparameters
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


def test_without_the_toolkit_the_reason_and_the_status_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    monkeypatch.setenv("SAGEMAKER_CONTAINER_LOG_LEVEL", "loud")
    assert launch.without_toolkit() == 2
    assert (tmp_path / "output" / "failure").read_text().startswith("SAGEMAKER_CONTAINER_LOG_LEVEL is 'loud'")


def processes(count: int | None = None, **arguments: object) -> int:
    return launch.process_count(Hyperparameters(TrainingOptions(processes_per_host=count), arguments))


def test_processes_are_one_a_gpu_unless_another_number_is_given(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert processes() == processes(4) == 4
    assert "not used" not in caplog.text
    assert processes(3) == 3
    assert "processes_per_host = 3: 1 of the 4 GPUs of this host are not used" in caplog.text
    assert processes(use_cpu=True) == 1
    assert processes(8, use_cpu=True) == 8
    with pytest.raises(UserError, match="processes_per_host is 5, expected from 1 to 4, the GPUs of this host"):
        processes(5)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert (processes(), processes(2)) == (1, 2)


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


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Write a job's configuration files: channels by mode, and hyperparameters."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))

    def write(modes: dict[str, str], **hyperparameters: object) -> None:
        folder = tmp_path / "input" / "config"
        folder.mkdir(parents=True)
        channels = {name: {"TrainingInputMode": mode} for name, mode in modes.items()}
        (folder / "inputdataconfig.json").write_text(json.dumps(channels))
        (folder / "hyperparameters.json").write_text(json.dumps(hyperparameters))

    return write


def test_pipe_mode_is_refused_with_the_modes_that_work(job: Callable[..., None]) -> None:
    job({"model": "File", "train": "Pipe"})
    with pytest.raises(ClientError, match="^channel train has the input mode Pipe, expected File or FastFile$"):
        launch.main()


def test_a_gpu_that_cannot_be_used_fails_the_job_unless_the_cpu_is_wanted(
    job: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(allowance: str, _environ: object) -> None:
        raise UserError(f"unusable, expected {allowance}")

    monkeypatch.setattr(launch, "refuse_unusable_gpu", refuse)
    job({"train": "File"})
    with pytest.raises(ClientError, match="^unusable, expected the hyperparameter use_cpu=true$"):
        launch.main()


def test_use_cpu_allows_it(job: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "refuse_unusable_gpu", lambda *_: pytest.fail("the GPU was looked for"))
    job({}, use_cpu="true", model_name="/nowhere")
    with pytest.raises(ClientError, match="/nowhere"):
        launch.main()


def test_the_settings_of_distribution_are_named_as_not_needed(
    job: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    job({"train": "Pipe"}, sagemaker_torch_distributed_enabled="true", sagemaker_instance_type="ml.g5.xlarge")
    with pytest.raises(ClientError, match="Pipe"):
        launch.main()
    expected = "sagemaker_torch_distributed_enabled is set, but not needed: the image starts a process for each GPU"
    assert capsys.readouterr().out.count(expected) == 1


def test_an_import_that_fails_while_a_failure_is_reported_does_not_replace_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "training.distributed.elastic", None)
    assert launch.settled(OSError("no folder")) == "OSError: no folder"
