"""FSDP by its hyperparameters on two ranks: learns as one process does, resumes, leaves a plain model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from training_base import LABELS, Job, make_job
from training_run import failure, finish, series, start, stop

from contract.card import Card

pytestmark = pytest.mark.integration

SETTINGS = {"epochs": 2, "train_batch_size": 16, "learning_rate": "4e-3", "logging_steps": 1}
FSDP = {
    "fsdp": "full_shard auto_wrap",
    "fsdp_config": json.dumps({"version": 2, "transformer_layer_cls_to_wrap": "BertLayer"}),
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
    """The same files and, but for the order of sums, the same weights as one process leaves."""
    from transformers import pipeline

    files = [sorted(path.name for path in job.paths.model.iterdir()) for job in (sharded, whole)]
    assert files[0] == files[1]
    found, expected = (load_file(job.paths.model / "model.safetensors") for job in (sharded, whole))
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-2, atol=1e-3)
    answers = pipeline("text-classification", model=str(sharded.paths.model))(["great superb word1"])
    assert answers[0]["label"] in LABELS


def test_deepspeed_that_is_not_installed_is_one_sentence(tmp_path: Path) -> None:
    job = make(tmp_path, deepspeed=json.dumps({"zero_optimization": {"stage": 1}}))
    process = start(job)
    output = process.communicate()[0]
    assert process.returncode != 0
    assert failure(job).startswith("hyperparameter deepspeed is set, but deepspeed is not installed in this image")
    assert "Traceback" not in output
