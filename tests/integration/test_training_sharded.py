"""FSDP by its hyperparameters on two ranks: learns as one process does, resumes, leaves a plain model."""

from __future__ import annotations

import json
import shutil
import signal
import socket
from pathlib import Path

import pytest
import torch
from datasets import Dataset, load_from_disk
from safetensors.torch import load_file
from training_base import LABELS, Job, make_job, pretrain
from training_run import SECONDS, failure, finish, series, start, stop, until

from contract.card import Card

pytestmark = pytest.mark.integration

SETTINGS = {"epochs": 2, "train_batch_size": 16, "learning_rate": "4e-3", "logging_steps": 1}
FSDP = {
    "fsdp": "full_shard auto_wrap",
    "fsdp_config": json.dumps({"transformer_layer_cls_to_wrap": "BertLayer"}),
    "processes_per_host": 2,
    "train_batch_size": 8,
}


def make(folder: Path, **more: object) -> Job:
    job = make_job(folder, rows=160, dropout=0.0)
    job.hyperparameters(**SETTINGS | more)
    return job


def test_fsdp_learns_as_one_process_resumes_and_leaves_a_plain_model(tmp_path: Path) -> None:
    one, two = make(tmp_path / "one"), make(tmp_path / "two", **FSDP)
    finish(start(one))
    stopped = stop(two, at=12)
    card = Card.read(two.paths.model)
    assert card.partial
    assert card.training is not None
    assert card.training["step"] in (10, stopped)
    output = finish(start(two))
    assert f"resuming from checkpoint-{stopped}" in output
    assert series(two, "loss") == pytest.approx(series(one, "loss"), rel=1e-3)
    check_model(two, one)


def check_model(sharded: Job, whole: Job) -> None:
    """Check that the files are those of one process, and the weights equal up to rounding."""
    from transformers import pipeline

    files = [sorted(path.name for path in job.paths.model.iterdir()) for job in (sharded, whole)]
    assert files[0] == files[1]
    found, expected = (load_file(job.paths.model / "model.safetensors") for job in (sharded, whole))
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-2, atol=1e-3)
    answers = pipeline("text-classification", model=str(sharded.paths.model))(["great superb word1"])
    assert answers[0]["label"] in LABELS


def test_the_best_model_of_two_hosts_is_delivered_and_a_stop_of_one_stops_both(tmp_path: Path) -> None:
    jobs = two_hosts(tmp_path, FSDP | {"processes_per_host": 1, "epochs": 3})
    for job in jobs:
        turn_labels(job)
    processes = [start(job) for job in jobs]
    until(processes[0], " step = 12")
    # SIGTERM reaches one host; the other one has no request of its own.
    processes[1].send_signal(signal.SIGTERM)
    for job, process in zip(jobs, processes, strict=True):
        process.communicate(timeout=SECONDS)
        assert failure(job).startswith("interrupted, checkpoint at step ")
        job.paths.failure.unlink()
    # SageMaker gives each host all that the hosts had synced to S3.
    shutil.rmtree(jobs[1].paths.checkpoints, ignore_errors=True)
    shutil.copytree(jobs[0].paths.checkpoints, jobs[1].paths.checkpoints)
    for process in [start(job) for job in jobs]:
        finish(process)
    losses = series(jobs[0], "eval_loss")
    assert losses[0] == min(losses) == losses[-1] < losses[1]
    card = Card.read(jobs[0].paths.model)
    assert card.training is not None
    assert card.training["step"] == 10


def two_hosts(folder: Path, settings: dict[str, object]) -> list[Job]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    names = ["127.0.0.1", "127.0.0.2"]
    jobs = [make_job(folder / name, rows=160, dropout=0.0) for name in names]
    for job, name in zip(jobs, names, strict=True):
        pretrain(job.paths.channel("model"))
        job.hosts(name, names)
        job.hyperparameters(**SETTINGS | settings | {"master_port": port})
    return jobs


def turn_labels(job: Job) -> None:
    """The other label on each row of validation: the more a model learns, the worse it gets."""
    folder = job.paths.channel("validation")
    rows = load_from_disk(str(folder)).to_dict()
    card = Card.read(folder)
    shutil.rmtree(folder)
    Dataset.from_dict(rows | {"labels": [1 - label for label in rows["labels"]]}).save_to_disk(str(folder))
    card.write(folder)


def test_deepspeed_that_is_not_installed_is_one_sentence(tmp_path: Path) -> None:
    job = make(tmp_path, deepspeed=json.dumps({"zero_optimization": {"stage": 1}}))
    process = start(job)
    output = process.communicate()[0]
    assert process.returncode != 0
    assert failure(job).startswith("hyperparameter deepspeed is set, but deepspeed is not installed in this image")
    assert "Traceback" not in output
