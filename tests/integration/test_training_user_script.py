"""A team's own script instead of the image's training: arguments, launchers, stops and failure reasons."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from training_base import make_job, pretrain
from training_run import ROOT, SECONDS, until

from contract.files import write_json
from contract.paths import Paths

pytestmark = pytest.mark.integration

SCRIPT = """
import argparse, json, os, signal, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--text")
parser.add_argument("--epochs", type=int)
parser.add_argument("--end", default="well")
given = parser.parse_args()
if given.end == "badly":
    # One rank, or the pieces of two messages would be mixed in the log.
    if os.environ.get("RANK") == "0":
        time.sleep(120)
    raise ValueError("rows are missing")
if given.end == "stopped":
    def stop(*_):
        name = "saved-1" if os.environ.get("RANK") == "1" else "saved"
        open(os.path.join(os.environ["SM_MODEL_DIR"], name), "w").close()
        sys.exit(3)
    signal.signal(signal.SIGTERM, stop)
    # In one piece, that no other rank's falls into.
    os.write(1, b"waiting\\n")
    time.sleep(120)
rank = os.environ.get("RANK", "0")
said = {"arguments": [given.text, given.epochs], "hosts": json.loads(os.environ["SM_HOSTS"]),
        "channel": os.environ["SM_CHANNEL_TRAIN"], "world": os.environ.get("WORLD_SIZE", "1")}
open(os.path.join(os.environ["SM_MODEL_DIR"], f"said-{rank}.json"), "w").write(json.dumps(said))
"""


TWO_RANKS = {"sagemaker_torch_distributed_enabled": "true", "sagemaker_mpi_num_of_processes_per_host": "2"}


def make(folder: Path, code: Path | None = None, **hyperparameters: str) -> Paths:
    paths = Paths(folder / "ml")
    (paths.channel("train")).mkdir(parents=True)
    paths.model.mkdir()
    source = code or folder / "source"
    if code is None:
        source.mkdir()
        (source / "fine_tune.py").write_text(SCRIPT)
        # A team's module may have the name of one of the image's packages.
        (source / "contract.py").write_text("raise RuntimeError('of the team')")
    given = {"sagemaker_program": json.dumps("fine_tune.py"), "sagemaker_submit_directory": json.dumps(str(source))}
    write_json(paths.hyperparameters, given | hyperparameters)
    return paths


def start(paths: Paths, **variables: str) -> subprocess.Popen[str]:
    """Start the entry point as from a clone, with SAGEMAKER_BASE_DIR and `variables` as its only variables."""
    environ = {"SAGEMAKER_BASE_DIR": str(paths.base), **variables}
    command = [sys.executable, "-m", "training", "train"]
    return subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(paths: Paths, **variables: str) -> tuple[int, str]:
    process = start(paths, **variables)
    output = process.communicate(timeout=SECONDS)[0]
    return process.returncode, output


def said(paths: Paths, rank: int = 0) -> dict[str, object]:
    return json.loads((paths.model / f"said-{rank}.json").read_text())


@pytest.mark.parametrize("program", ["fine_tune.py", '"fine_tune.py"'], ids=["plain", "quoted"])
def test_the_script_runs_with_its_arguments_and_the_toolkits_variables(tmp_path: Path, program: str) -> None:
    paths = make(tmp_path, sagemaker_program=program, text='"two words; $HOME"', epochs="3", sagemaker_region="x")
    status, output = run(paths)
    assert status == 0, output
    assert "running the script fine_tune.py" in output
    expected = {"arguments": ["two words; $HOME", 3], "hosts": ["algo-1"], "channel": str(paths.channel("train"))}
    assert said(paths) == expected | {"world": "1"}
    assert not paths.failure.exists()


def test_code_in_an_archive_is_unpacked_and_torchrun_starts_the_ranks(tmp_path: Path) -> None:
    (tmp_path / "fine_tune.py").write_text(SCRIPT)
    archive = tmp_path / "sourcedir.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(tmp_path / "fine_tune.py", "fine_tune.py")
    paths = make(tmp_path, archive, **TWO_RANKS)
    status, output = run(paths)
    assert status == 0, output
    assert "by torchrun instead of" in output
    assert [said(paths, rank)["world"] for rank in (0, 1)] == ["2", "2"]


@pytest.mark.parametrize("launcher", [{}, TWO_RANKS], ids=["python", "torchrun"])
def test_a_failed_script_is_the_failure_reason(tmp_path: Path, launcher: dict[str, str]) -> None:
    paths = make(tmp_path, None, end="badly", **launcher)
    status, output = run(paths)
    assert status != 0
    assert "\nValueError: rows are missing\n" in output
    assert paths.failure.read_text() == "script fine_tune.py ended with exit status 1: ValueError: rows are missing"


def test_a_launcher_that_is_not_installed_is_named(tmp_path: Path) -> None:
    paths = make(tmp_path, sagemaker_mpi_enabled="True")
    status, output = run(paths)
    assert status != 0
    assert "by MPI instead of" in output
    assert paths.failure.read_text().startswith("script fine_tune.py cannot be started: ")
    assert len(paths.failure.read_text().splitlines()) == 1


def test_a_launcher_that_is_switched_off_is_not_started(tmp_path: Path) -> None:
    # True in Python's notation, which the toolkit accepts.
    paths = make(tmp_path, sagemaker_mpi_enabled="False", text="a")
    status, output = run(paths)
    assert status == 0, output
    assert "by python instead of" in output
    assert said(paths)["arguments"] == ["a", None]


def test_a_script_named_by_the_variable_of_a_child_image_runs(tmp_path: Path) -> None:
    paths = make(tmp_path)
    (tmp_path / "source").rename(paths.base / "code")
    write_json(paths.hyperparameters, {"text": "a"})
    status, output = run(paths, SAGEMAKER_PROGRAM="fine_tune.py")
    assert status == 0, output
    assert said(paths)["arguments"] == ["a", None]


SHELL = """#!/bin/bash
python fine_tune.py "$@"
echo "the end"
"""


@pytest.mark.parametrize(
    ("program", "ending"),
    [("fine_tune.py", "ended with exit status 3"), ("run.sh", "was killed by SIGTERM")],
    ids=["python", "a program of a shell file"],
)
def test_sigterm_reaches_the_script(tmp_path: Path, program: str, ending: str) -> None:
    paths = make(tmp_path, end="stopped", sagemaker_program=program)
    (tmp_path / "source" / "run.sh").write_text(SHELL)
    process = start(paths)
    until(process, "waiting")
    process.send_signal(signal.SIGTERM)
    output = process.communicate(timeout=60)[0]
    assert process.returncode != 0
    assert (paths.model / "saved").exists(), output
    reason = f"interrupted: SIGTERM was passed on to script {program}, which {ending}"
    assert paths.failure.read_text() == reason
    assert not list(paths.model.glob("said-*"))


def test_sigterm_reaches_every_rank(tmp_path: Path) -> None:
    paths = make(tmp_path, None, end="stopped", **TWO_RANKS)
    process = start(paths)
    for _ in range(2):
        until(process, "waiting")
    process.send_signal(signal.SIGTERM)
    output = process.communicate(timeout=60)[0]
    assert process.returncode != 0
    assert {path.name for path in paths.model.iterdir()} == {"saved", "saved-1"}, output
    assert paths.failure.read_text().startswith("interrupted: SIGTERM was passed on to script fine_tune.py")


def test_a_stop_during_the_installation_of_requirements_is_reported_as_a_stop(tmp_path: Path) -> None:
    paths = make(tmp_path)
    # pip builds a local package whose build waits; no package index is used.
    package = tmp_path / "source" / "slow"
    package.mkdir()
    (package / "setup.py").write_text("import time\nprint('building', flush=True)\ntime.sleep(120)\n")
    (tmp_path / "source" / "requirements.txt").write_text("--no-index\n--no-build-isolation\n./slow\n")
    process = start(paths)
    until(process, "Installing dependencies from requirements.txt")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert paths.failure.read_text().startswith("interrupted: SIGTERM")
    assert not list(paths.model.iterdir())


@pytest.mark.parametrize(
    ("hyperparameters", "reason"),
    [
        ({"sagemaker_program": '""'}, "hyperparameter sagemaker_program is empty"),
        ({"sagemaker_program": "train.py"}, "sagemaker_program is 'train.py', expected one of the files in"),
        ({"sagemaker_submit_directory": "/nowhere.tar.gz"}, "sagemaker_submit_directory is /nowhere.tar.gz, which"),
        ({"sagemaker_program": "../fine_tune.py"}, "sagemaker_program is '../fine_tune.py', expected one of"),
    ],
)
def test_a_script_that_cannot_run_is_one_sentence(tmp_path: Path, hyperparameters: dict[str, str], reason: str) -> None:
    paths = make(tmp_path, None, **hyperparameters)
    status, output = run(paths)
    assert status != 0
    assert reason in paths.failure.read_text(), output
    assert not list(paths.model.iterdir())


def test_an_ordinary_training_starts_from_a_clone(tmp_path: Path) -> None:
    job = make_job(tmp_path / "ml", rows=40)
    job.hyperparameters(
        max_steps=2, train_batch_size=8, processes_per_host=2, sagemaker_torch_distributed_enabled="true"
    )
    status, output = run(job.paths)
    assert status == 0, output
    assert "sagemaker_torch_distributed_enabled is set, but not needed" in output
    assert (job.paths.model / "model.safetensors").is_file()


def test_a_model_in_an_archive_is_the_one_to_start_from(tmp_path: Path) -> None:
    job = make_job(tmp_path / "ml", rows=40)
    folder = job.paths.channel("model")
    pretrain(folder)
    files = sorted(folder.iterdir())
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        for file in files:
            archive.add(file, f"top/{file.name}")
            file.unlink()
    (tmp_path / "model.tar.gz").replace(folder / "model.tar.gz")
    job.hyperparameters(max_steps=2, train_batch_size=8, processes_per_host=2)
    status, output = run(job.paths)
    assert status == 0, output
    assert "training starts from scratch" not in output
    card = json.loads((job.paths.model / "card.json").read_text())
    assert card["training"]["base_model"] == str(folder)
    assert not card["training"]["from_scratch"]
