"""Which script a job brings, what starts it, and how its failure is told."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from contract.failures import UserError
from training import user_script
from training.signal_forwarding import SignalForwarder


def test_a_script_is_requested_by_its_hyperparameter_or_variable() -> None:
    assert user_script.is_requested({"sagemaker_program": '"train.py"'}, {})
    assert user_script.is_requested({}, {"SAGEMAKER_PROGRAM": "train.py"})
    assert not user_script.is_requested({"sagemaker_region": "eu-west-1", "epochs": "1"}, {"SAGEMAKER_PROGRAM": ""})


@pytest.mark.parametrize("name", ["sagemaker_programm", "sagemaker_progam", "sagemaker_submit_directory"])
def test_code_without_the_name_of_its_script_is_not_ignored(name: str) -> None:
    with pytest.raises(UserError, match=f"hyperparameter {name} is set, but sagemaker_program, the script"):
        user_script.is_requested({name: "train.py", "sagemaker_region": "eu-west-1"}, {})


def test_launchers_are_those_that_are_switched_on() -> None:
    given = {"sagemaker_torch_distributed_enabled": "true", "sagemaker_mpi_enabled": '"False"', "epochs": "1"}
    assert user_script.launchers(given) == {"sagemaker_torch_distributed_enabled": "torchrun"}
    assert user_script.launchers({"sagemaker_mpi_enabled": "True"}) == {"sagemaker_mpi_enabled": "MPI"}


@pytest.mark.parametrize(
    ("value", "expected"), [("True", True), ("False", False), ('"false"', False), (True, True), ("8", "8"), (8, 8)]
)
def test_a_switch_that_is_text_is_no_longer_true_by_being_text(value: Any, expected: Any) -> None:
    assert user_script.switch(value) == expected
    assert type(user_script.switch(value)) is type(expected)


@pytest.mark.parametrize(
    ("program", "parameters", "groups", "expected"),
    [
        ("a.py", {}, [], "python"),
        ("a.sh", {}, [], "sh"),
        ("a", {}, [], "sh"),
        ("a.py", {"sagemaker_torch_distributed_enabled": True}, ["all"], "torchrun"),
        # The toolkit asks for MPI first, and for none on hosts of another instance group.
        ("a.py", {"sagemaker_torch_distributed_enabled": True, "sagemaker_mpi_enabled": True}, ["all"], "MPI"),
        ("a.py", {"sagemaker_mpi_enabled": True}, ["others"], "python"),
        ("a.py", {"sagemaker_mpi_enabled": False}, ["all"], "python"),
    ],
)
def test_the_launcher_in_the_log_is_the_one_that_the_toolkit_takes(
    tmp_path: Path, program: str, parameters: dict[str, bool], groups: list[str], expected: str
) -> None:
    settings = SimpleNamespace(
        user_entry_point=program,
        additional_framework_parameters=parameters,
        current_instance_group="all",
        distribution_instance_groups=groups,
    )
    assert user_script.launcher_of(settings, tmp_path) == expected


def test_a_package_is_started_by_python(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("")
    settings = SimpleNamespace(
        user_entry_point="package", current_instance_group="all", distribution_instance_groups=[]
    )
    assert user_script.launcher_of(settings, tmp_path) == "python"


TRACEBACK = "Traceback\n  ...\nValueError: x\n"
STOPPED = "interrupted: SIGTERM was passed on to script a.py, which "
REPORT = "torch.distributed.ChildFailedError: \n====\n exitcode: 1\n===="
MEMORY = "script a.py was killed by SIGKILL, which is how a machine out of memory ends a process: expected an instance "


@pytest.mark.parametrize(
    ("output", "errors", "status", "stopped", "expected"),
    [
        (TRACEBACK.encode(), [], "1", False, "script a.py ended with exit status 1: ValueError: x"),
        (TRACEBACK + REPORT, ["===="], "1", False, "script a.py ended with exit status 1: ValueError: x"),
        (REPORT, ["===="], "1", False, "script a.py ended with exit status 1"),
        ("", ["warning", "no rows"], "2", False, "script a.py ended with exit status 2: no rows"),
        (None, [], "1", False, "script a.py ended with exit status 1"),
        (TRACEBACK, ["50%"], "-9", False, MEMORY + "with more memory"),
        (None, [], "137", False, MEMORY + "with more memory"),
        (None, [], "-11", False, "script a.py was killed by SIGSEGV"),
        (TRACEBACK, [], "143", True, STOPPED + "ended with exit status 143"),
        (TRACEBACK, [], "-15", True, STOPPED + "was killed by SIGTERM"),
        (None, [], "None", False, "script a.py cannot be started: no file mpirun"),
    ],
)
def test_a_failure_is_one_sentence(
    output: object, errors: list[str], status: str, stopped: bool, expected: str
) -> None:
    error = SimpleNamespace(output=output, return_code=status, cmd=FileNotFoundError("no file mpirun"))
    assert user_script.failure("a.py", error, errors, stopped) == expected


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("KeyError: 1\n\nDuring handling:\n  raise ValueError(2)\nValueError: 2\n", "ValueError: 2"),
        ("torch.OutOfMemoryError: CUDA out of memory", "torch.OutOfMemoryError: CUDA out of memory"),
        # Of several ranks the one that lost its peer fails last.
        ("[rank1]: OSError: full\n[rank0]: RuntimeError: Connection closed by peer", "OSError: full"),
        ("RuntimeError: Connection reset by peer", "RuntimeError: Connection reset by peer"),
        ("[1]: KeyError", "KeyError"),
        ("ErrorRate 5\nan Error: no\n", ""),
        ("", ""),
    ],
)
def test_the_last_error_is_the_scripts_own(output: str, expected: str) -> None:
    assert user_script.last_error(output.splitlines()) == expected


@pytest.mark.parametrize(
    ("lines", "said"),
    [(["ERROR: No matching distribution", "[notice] pip"], "ERROR: No matching distribution"), ([], "see the log")],
)
def test_requirements_that_cannot_be_installed_are_named(lines: list[str], said: str) -> None:
    error = type("InstallRequirementsError", (), {"output": "", "return_code": "1"})()
    expected = f"the requirements of script a.py cannot be installed: {said}"
    assert user_script.failure("a.py", error, lines, False) == expected


def test_code_is_fetched_from_a_folder(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "code"
    source.mkdir()
    (source / "a.py").write_text("")
    assert user_script.fetch(f"file://{source}", target, "a.py") == str(source)
    assert (target / "a.py").is_file()
    with pytest.raises(UserError, match="sagemaker_program is 'b.py', expected one of the files in"):
        user_script.fetch(str(source), target, "b.py")
    with pytest.raises(UserError, match="which cannot be fetched"):
        user_script.fetch(str(tmp_path / "none.tar.gz"), tmp_path / "other", "a.py")


def test_code_that_is_there_stays_and_is_the_place_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("")
    place = user_script.fetch("s3://bucket/other.tar.gz", tmp_path / "code", "a.py")
    assert place == str(tmp_path / "code")
    assert "s3://bucket/other.tar.gz is not fetched" in caplog.text
    caplog.clear()
    assert user_script.fetch(place, tmp_path / "code", "a.py") == place
    assert "is not fetched" not in caplog.text


def test_what_the_toolkit_cannot_start_is_one_sentence_and_libraries_are_found_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sagemaker_pytorch_container import training

    def train(_settings: object) -> None:
        sys.path.insert(0, "/opt/ml/code")
        raise RuntimeError("\n\nno launcher\ninstall one")

    monkeypatch.setattr(training, "train", train)
    monkeypatch.setattr(sys, "path", list(sys.path))
    # The caller's own wins.
    monkeypatch.setenv("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", "5")
    with pytest.raises(UserError, match=r"^script a.py cannot be started: no launcher$"):
        user_script.start("a.py", SimpleNamespace(), SignalForwarder())
    assert "/opt/ml/code" not in sys.path
    assert os.environ["TORCH_ELASTIC_SHUTDOWN_TIMEOUT"] == "5"
