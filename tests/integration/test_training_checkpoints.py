"""Checkpoints of real trainings that are corrupt, do not fit on the disk, or are of another number of ranks."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from training_base import Job, delete, flip, make_job, truncate
from training_run import SECONDS, failure, finish, outcome, series, start, stop, until, weights

from contract.card import Card
from contract.paths import Paths
from training.checkpointing import store
from training.checkpointing.store import MANIFEST

pytestmark = pytest.mark.integration

# 10 steps per epoch.
ROWS = 160
SETTINGS = {"epochs": 2, "train_batch_size": 16, "learning_rate": "4e-3", "logging_steps": 1}
# Bytes; enough for logs and reports, too few for the model.
TOO_SMALL = 50_000
FILES = (
    "config.json",
    "hyperparameters.json",
    "manifest.json",
    "model.safetensors",
    "optimizer.pt",
    "progress.json",
    "rng_state.pth",
    "scheduler.pt",
    "trainer_state.json",
)


@dataclass(frozen=True)
class Precision:
    """Precision of a job, and tolerances of its metrics against those of the same job with other ranks.

    Attributes:
        bf16: the hyperparameter; emulated on CPUs that cannot multiply bf16.
        loss: relative tolerance.
        grad_norm: relative tolerance.
    """

    bf16: bool
    loss: float
    grad_norm: float


FP32 = Precision(bf16=False, loss=1e-4, grad_norm=1e-3)
# bf16 has 8 significant bits: sums in another order differ by up to 2^-8 = 0.4%, and later steps depend on them.
# Measured on CPUs with and without bf16 units: up to 1.2e-4 and 6.5e-3. Rows in another order change losses by 5e-2.
BF16 = Precision(bf16=True, loss=1e-3, grad_norm=3e-2)


def make(folder: Path) -> Job:
    job = make_job(folder, rows=ROWS, dropout=0.0)
    job.hyperparameters(**SETTINGS)
    return job


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """An uninterrupted job with the checkpoints of its two epochs, steps 10 and 20."""
    job = make(tmp_path_factory.mktemp("whole"))
    finish(start(job))
    return job


@pytest.fixture(scope="module", params=[pytest.param(FP32, id="fp32"), pytest.param(BF16, id="bf16")])
def precision(request: pytest.FixtureRequest) -> Precision:
    return request.param


@pytest.fixture(scope="module")
def undisturbed(precision: Precision, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Run a job of one process without interruption."""
    job = make(tmp_path_factory.mktemp("undisturbed"))
    job.hyperparameters(**SETTINGS, bf16=precision.bf16)
    finish(start(job))
    return job


def copied(job: Job, folder: Path) -> Job:
    """A copy of the job with its checkpoints and without its results."""
    shutil.copytree(job.paths.base, folder, dirs_exist_ok=True)
    paths = Paths(folder)
    shutil.rmtree(paths.model)
    shutil.rmtree(paths.failure.parent)
    return Job(paths)


def test_a_checkpoint_has_these_files(whole: Job) -> None:
    newest = store.newest(whole.paths.checkpoints)
    assert newest is not None
    assert newest.step == 20
    assert tuple(sorted(path.name for path in newest.folder.iterdir())) == FILES


@pytest.mark.parametrize("harm", [delete, truncate, flip])
@pytest.mark.parametrize("file", FILES)
def test_a_corrupt_checkpoint_is_skipped_for_the_one_before(
    whole: Job, tmp_path: Path, file: str, harm: Callable[[Path], None]
) -> None:
    shutil.copytree(whole.paths.checkpoints, tmp_path, dirs_exist_ok=True)
    harm(tmp_path / "checkpoint-20" / file)
    assert store.newest(tmp_path).step == 10  # type: ignore[union-attr]


@pytest.mark.parametrize("there", range(len(FILES)))
def test_a_partially_synced_checkpoint_is_skipped_for_the_one_before(whole: Job, tmp_path: Path, there: int) -> None:
    shutil.copytree(whole.paths.checkpoints, tmp_path, dirs_exist_ok=True)
    for name in FILES[there:]:
        (tmp_path / "checkpoint-20" / name).unlink()
    assert store.newest(tmp_path).step == 10  # type: ignore[union-attr]


def test_a_job_resumes_bit_identically_from_before_a_corrupt_checkpoint(whole: Job, tmp_path: Path) -> None:
    job = copied(whole, tmp_path)
    flip(job.paths.checkpoints / "checkpoint-20" / "optimizer.pt")
    output = finish(start(job))
    assert "checkpoint checkpoint-20 is not used: optimizer.pt was changed" in output
    assert "resuming from checkpoint-10" in output
    assert outcome(job) == outcome(whole)
    assert (job.paths.checkpoints / store.SET_ASIDE / "checkpoint-20" / MANIFEST).is_file()


def test_a_last_step_inside_an_epoch_is_not_followed_by_one_more(whole: Job, tmp_path: Path) -> None:
    job = copied(whole, tmp_path)
    shutil.rmtree(job.paths.checkpoints / "checkpoint-20")
    job.hyperparameters(**SETTINGS, max_steps=15)
    finish(start(job))
    first = outcome(job)
    shutil.rmtree(job.paths.model)
    assert "resuming from checkpoint-15" in finish(start(job))
    assert Card.read(job.paths.model).training["steps"] == 15  # type: ignore[index]
    assert outcome(job) == first


@pytest.mark.parametrize(
    ("ranks", "batches", "steps"),
    [
        pytest.param((2, 1), (8, 8), 2, id="two to one"),
        pytest.param((1, 2), (16, 16), 1, id="one to two"),
    ],
)
def test_another_number_of_ranks_trains_on_the_same_rows_at_each_step(
    undisturbed: Job,
    precision: Precision,
    tmp_path: Path,
    ranks: tuple[int, int],
    batches: tuple[int, int],
    steps: int,
) -> None:
    """Without dropout the loss of a step depends on its rows alone."""
    job = make(tmp_path)
    settings = SETTINGS | {"bf16": precision.bf16}
    job.hyperparameters(**settings | {"processes_per_host": ranks[0], "train_batch_size": batches[0]})
    stop(job, at=4)
    job.hyperparameters(**settings | {"processes_per_host": ranks[1], "train_batch_size": batches[1]})
    output = finish(start(job))
    assert f"the checkpoint is of {ranks[0]} ranks, this start has {ranks[1]}" in output
    assert f"gradient_accumulation_steps is now {steps}" in output
    assert series(job, "loss") == pytest.approx(series(undisturbed, "loss"), rel=precision.loss)
    assert series(job, "grad_norm") == pytest.approx(series(undisturbed, "grad_norm"), rel=precision.grad_norm)


def test_an_interrupted_evaluation_is_rerun_after_the_resume(tmp_path: Path) -> None:
    settings = SETTINGS | {"eval_batch_size": 1}
    whole, job = (make_job(tmp_path / name, rows=2400) for name in ("whole", "stopped"))
    for each in (whole, job):
        # Two epochs: the second one begins with the random state of the first one's end.
        each.hyperparameters(**settings | {"train_batch_size": 240, "epochs": 2})
    finish(start(whole))
    # The last log line before 600 batches of evaluation.
    assert stop(job, at=10) == 10
    assert "eval_loss" not in {name for entry in trainer_state(job, 10)["log_history"] for name in entry}
    finish(start(job))
    assert outcome(job) == outcome(whole)


def trainer_state(job: Job, step: int) -> dict[str, Any]:
    return json.loads((job.paths.checkpoints / f"checkpoint-{step}" / "trainer_state.json").read_text())


def limit_files(process: subprocess.Popen[str], size: int) -> None:
    """Limit the size of files to `size` bytes (RLIMIT_FSIZE), so that writes fail as on a full disk."""
    psutil.Process(process.pid).rlimit(psutil.RLIMIT_FSIZE, (size, psutil.RLIM_INFINITY))


def test_a_full_disk_costs_a_checkpoint_but_does_not_abort_the_job(tmp_path: Path) -> None:
    job = make(tmp_path)
    job.hyperparameters(**SETTINGS | {"epochs": 20, "logging_steps": 10})
    process = start(job)
    until(process, "saved checkpoint-10")
    limit_files(process, TOO_SMALL)
    assert process.stdout is not None
    said = next(line for line in process.stdout if "was not written" in line)
    limit_files(process, psutil.RLIM_INFINITY)
    finish(process)
    lost, kept = re.findall(r"the checkpoint of step (\d+) was not written: .* with the one of step (\d+)", said)[0]
    assert int(kept) == int(lost) - 10
    assert store.newest(job.paths.checkpoints).step == 200  # type: ignore[union-attr]
    assert len(weights(job)) > TOO_SMALL


def test_a_job_that_cannot_save_any_checkpoint_reports_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The limit would hold for coverage's own file too (make coverage).
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    job = make(tmp_path)
    job.hyperparameters(**SETTINGS | {"processes_per_host": 2})
    process = start(job)
    limit_files(process, TOO_SMALL)
    output = process.communicate(timeout=SECONDS)[0]
    assert process.returncode != 0
    assert re.match(
        r"the checkpoint of step 5 cannot be written to .*checkpoints \(.+\), and there is no", failure(job)
    )
    assert "Traceback" not in output
    assert not job.paths.model.exists()
