"""Which script a job brings, and how its failure is told."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from contract.failures import UserError
from training import user_script


def test_a_script_is_requested_by_its_hyperparameter_alone() -> None:
    assert user_script.is_requested({"sagemaker_program": '"train.py"'})
    assert not user_script.is_requested({"sagemaker_region": "eu-west-1", "epochs": "1"})


def test_launchers_are_those_that_are_switched_on() -> None:
    given = {"sagemaker_torch_distributed_enabled": "true", "sagemaker_mpi_enabled": '"False"', "epochs": "1"}
    assert user_script.launchers(given) == {"sagemaker_torch_distributed_enabled": "torchrun"}


@pytest.mark.parametrize(
    ("output", "status", "stopped", "expected"),
    [
        (b"Traceback\n  ...\nValueError: x\n", "1", False, "script a.py ended with exit status 1: ValueError: x"),
        (None, "-9", False, "script a.py ended with exit status -9"),
        ("", "143", True, "interrupted: SIGTERM was passed on to script a.py, which ended with exit status 143"),
        (None, "None", False, "script a.py cannot be started: its launcher is not installed in this image"),
    ],
)
def test_a_failure_is_one_sentence(output: object, status: str, stopped: bool, expected: str) -> None:
    error = SimpleNamespace(output=output, return_code=status)
    assert user_script.failure("a.py", error, stopped) == expected


def test_requirements_that_cannot_be_installed_are_named() -> None:
    error = type("InstallRequirementsError", (), {"output": "ERROR: No matching distribution", "return_code": "1"})()
    expected = "the requirements of script a.py cannot be installed: ERROR: No matching distribution"
    assert user_script.failure("a.py", error, False) == expected


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


def test_a_shells_own_process_is_stopped_as_well() -> None:
    shell = subprocess.Popen(["/bin/sh", "-c", f"{sys.executable} -c 'import time; time.sleep(60)'; true"])
    try:
        deadline = time.monotonic() + 20
        while not psutil.Process(shell.pid).children() and time.monotonic() < deadline:
            time.sleep(0.05)
        found = {process.pid for process in user_script.script_processes()}
        assert {shell.pid, *(child.pid for child in psutil.Process(shell.pid).children())} <= found
    finally:
        for child in psutil.Process(shell.pid).children():
            child.kill()
        shell.kill()
        shell.wait()
