"""The training image's entry point with sagemaker-training's `train`, run as a process."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from training_base import LABELS, Job, make_job
from training_run import SECONDS, failure, finish, outcome, series, start, stop, until, weights

from contract.card import Card
from contract.tokenizer import fingerprint

pytestmark = pytest.mark.integration

SETTINGS = {"epochs": 4, "train_batch_size": 16, "learning_rate": "4e-3", "logging_steps": 1}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A job of one process that was not interrupted."""
    job = make_job(tmp_path_factory.mktemp("finished"), rows=320, test=True)
    job.hyperparameters(**SETTINGS)
    output = finish(start(job))
    (job.paths.base / "log.txt").write_text(output)
    return job


def test_loss_falls_and_accuracy_rises(finished: Job) -> None:
    losses = series(finished, "loss")
    assert len(losses) == 80
    assert sum(losses[-10:]) < 0.2 * sum(losses[:10])
    assert series(finished, "eval_accuracy")[-1] > 0.95


def test_the_log_has_a_line_for_each_metric_and_no_carriage_return(finished: Job) -> None:
    log = (finished.paths.base / "log.txt").read_text()
    assert "\r" not in log
    logged = re.findall(r"eval_accuracy = ([0-9.]+)$", log, re.MULTILINE)
    assert [float(value) for value in logged] == pytest.approx(series(finished, "eval_accuracy"), rel=1e-5)
    assert float(re.findall(r"train_padding_share = ([0-9.]+)$", log, re.MULTILINE)[-1]) < 0.3


def test_results_have_the_file_names_of_hugging_faces_examples(finished: Job) -> None:
    lines = (finished.paths.output_data / "eval_results.txt").read_text().splitlines()
    names = [line.split(" = ")[0] for line in lines]
    assert names == sorted(names)
    assert {"eval_accuracy", "eval_loss", "eval_f1", "test_accuracy"} <= set(names)


def test_the_model_works_in_transformers_pipeline(finished: Job) -> None:
    from transformers import pipeline

    answers = pipeline("text-classification", model=str(finished.paths.model))(
        ["great superb word1", "awful dull word2"]
    )
    assert [answer["label"] for answer in answers] == ["POSITIVE", "NEGATIVE"]


def test_the_model_folder_keeps_the_tokenizer_and_the_card(finished: Job) -> None:
    folder = finished.paths.model
    assert (folder / "tokenizer.json").read_bytes() == (finished.paths.channel("model") / "tokenizer.json").read_bytes()
    card = Card.read(folder)
    assert card.tokenizer.sha256 == fingerprint(folder / "tokenizer.json")
    assert card.label_names == LABELS
    assert card.training is not None
    assert card.training["metrics"]["eval_accuracy"] > 0.95
    assert not [path for path in folder.iterdir() if path.suffix not in (".json", ".safetensors", ".md")]


def stop_and_resume(job: Job, at: int) -> str:
    """Stop a job at step `at`, then start it again; returns the log of the second start."""
    step = stop(job, at)
    check_partial(job, step)
    output = finish(start(job))
    assert f"resuming from checkpoint-{step}" in output
    return output


def check_partial(job: Job, stopped: int) -> None:
    """Check the partial model of a stop: the weights of the best evaluation, or of the stop's step before the first."""
    card = Card.read(job.paths.model)
    assert card.partial
    assert card.training is not None
    step = card.training["step"]
    state = json.loads((job.paths.checkpoints / f"checkpoint-{stopped}" / "trainer_state.json").read_text())
    assert step == (state["best_global_step"] or stopped)
    assert ("eval_loss" in card.training["metrics"]) == (state["best_global_step"] is not None)
    saved = job.paths.checkpoints / f"checkpoint-{step}" / "model.safetensors"
    assert weights(job) == saved.read_bytes()
    assert "Partial" in (job.paths.model / "README.md").read_text()


def test_a_stopped_job_resumes_bit_identically(finished: Job, tmp_path: Path) -> None:
    job = make_job(tmp_path, rows=320, test=True)
    job.hyperparameters(**SETTINGS)
    stop_and_resume(job, at=27)
    assert weights(job) == weights(finished)
    assert outcome(job) == outcome(finished)
    assert not Card.read(job.paths.model).partial


TWO = {**SETTINGS, "train_batch_size": 8, "processes_per_host": 2, "epochs": 2}


# bf16 has 8 significant bits: sums in another order differ by up to 2^-8 = 0.4%. Losses differ by at most 1.2e-4.
@pytest.mark.parametrize(
    ("bf16", "tolerance"), [pytest.param(False, 1e-4, id="fp32"), pytest.param(True, 1e-3, id="bf16")]
)
def test_two_ranks_learn_as_one(tmp_path: Path, bf16: bool, tolerance: float) -> None:
    one, two = (make_job(tmp_path / name, rows=160, dropout=0.0) for name in ("one", "two"))
    one.hyperparameters(**{**SETTINGS, "epochs": 2, "bf16": bf16})
    two.hyperparameters(**TWO, bf16=bf16)
    for process in [start(one), start(two)]:
        finish(process)
    assert series(two, "loss") == pytest.approx(series(one, "loss"), rel=tolerance)


def test_two_ranks_resume_bit_identically(tmp_path: Path) -> None:
    two, stopped = (make_job(tmp_path / name, rows=160) for name in ("two", "stopped"))
    for job in (two, stopped):
        job.hyperparameters(**TWO)
    finish(start(two))
    stop_and_resume(stopped, at=6)
    assert weights(stopped) == weights(two)
    assert outcome(stopped) == outcome(two)


def test_two_hosts_train_together_and_the_first_one_writes_the_results(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    names = ["127.0.0.1", "127.0.0.2"]
    jobs = [make_job(tmp_path / name, rows=64) for name in names]
    for job, name in zip(jobs, names, strict=True):
        job.hosts(name, names)
        job.hyperparameters(**{**SETTINGS, "epochs": 1, "master_port": port})
    for process in [start(job) for job in jobs]:
        finish(process)
    assert len(series(jobs[0], "loss")) == 2
    assert (jobs[0].paths.model / "model.safetensors").is_file()
    assert not list(jobs[1].paths.model.glob("*"))
    assert not list(jobs[1].paths.checkpoints.glob("checkpoint-*"))


@pytest.fixture
def two_ranks(tmp_path: Path) -> Iterator[tuple[Job, subprocess.Popen[str]]]:
    job = make_job(tmp_path, rows=320)
    job.hyperparameters(**{**TWO, "epochs": 500})
    process = start(job)
    until(process, " step = 3")
    yield job, process
    process.kill()
    process.wait()


def test_a_killed_rank_is_the_failure_reason_of_the_job(two_ranks: tuple[Job, subprocess.Popen[str]]) -> None:
    job, process = two_ranks
    ranks = {int(child.environ()["RANK"]): child for child in psutil.Process(process.pid).children()}
    ranks[1].kill()
    began = time.monotonic()
    process.communicate(timeout=SECONDS)
    assert process.returncode != 0
    assert failure(job).startswith("rank 1 was killed by SIGKILL")
    assert time.monotonic() - began < 60


def test_a_wrong_hyperparameter_gets_one_sentence(tmp_path: Path) -> None:
    job = make_job(tmp_path, rows=16)
    job.hyperparameters(model_name="/no/such $HOME 'model'")
    process = start(job)
    output = process.communicate(timeout=SECONDS)[0]
    assert process.returncode != 0
    assert failure(job) == "tokenizer /no/such $HOME 'model': no such file or folder"
    assert "Traceback" not in output
    assert not job.paths.model.exists()
