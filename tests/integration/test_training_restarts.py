"""Restarts of trainings of a loaded model: which checkpoints are resumed, and what changed hyperparameters do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset, load_from_disk
from safetensors.torch import load_file, save_file
from training_base import LABELS, Job
from training_pretrained import SETTINGS, make, refused, turn_labels
from training_run import finish, history, series, start, stop
from transformers import pipeline

from contract.card import Card
from training.checkpointing import store

pytestmark = pytest.mark.integration


def test_a_training_that_stopped_early_delivers_the_same_when_it_starts_again(tmp_path: Path) -> None:
    job = make(tmp_path, epochs=9, early_stopping_patience=1, learning_rate="2e-2")
    finish(start(job))
    first, steps = (job.paths.model / "model.safetensors").read_bytes(), series(job, "step")[-1]
    assert steps < 90
    shutil.rmtree(job.paths.model)
    finish(start(job))
    assert (job.paths.model / "model.safetensors").read_bytes() == first
    assert series(job, "step")[-1] == steps


def test_a_loss_scale_in_a_checkpoint_is_left_alone_where_the_loss_is_not_scaled(tmp_path: Path) -> None:
    job = make(tmp_path)
    step = stop(job, at=12)
    torch.save({"scale": 65536.0}, job.paths.checkpoints / f"checkpoint-{step}" / "scaler.pt")
    assert f"resuming from checkpoint-{step}" in finish(start(job))


def test_a_stopped_trainings_partial_model_loads(tmp_path: Path) -> None:
    job = make(tmp_path, epochs=40)
    turn_labels(job, "validation")
    stop(job, at=25)
    card = Card.read(job.paths.model)
    assert card.partial
    assert (card.training or {})["step"] == 10
    classify = pipeline("text-classification", model=str(job.paths.model))
    assert classify("good great fine")[0]["label"] in LABELS


def change_weights(job: Job) -> None:
    file = job.paths.channel("model") / "model.safetensors"
    state = {name: tensor.clone() for name, tensor in load_file(file).items()}
    next(iter(state.values())).view(-1)[0] += 1
    save_file(state, file, metadata={"format": "pt"})


def change_rows(job: Job) -> None:
    """Replace the words of the rows by others, the same number in each row."""
    folder = job.paths.channel("train")
    rows, card = load_from_disk(str(folder)).to_dict(), Card.read(folder)
    rows["input_ids"][0][1] += 1
    Dataset.from_dict(rows).save_to_disk(str(folder))
    card.write(folder)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (change_weights, "base model, model configuration or LoRA"),
        (change_rows, "train channel"),
        (lambda job: turn_labels(job, "validation"), "validation channel"),
    ],
    ids=["weights", "rows", "validation"],
)
def test_a_checkpoint_of_another_job_is_refused(tmp_path: Path, change: Any, what: str) -> None:
    job = make(tmp_path, epochs=40)
    stop(job, at=11)
    (job.paths.model / "model.safetensors").unlink(missing_ok=True)
    change(job)
    assert f"was made with another {what}" in refused(job)


def test_a_checkpoint_under_other_names_is_not_used(tmp_path: Path) -> None:
    """As an image wrote it whose checkpoints had the names of save_pretrained."""
    job = make(tmp_path)
    finish(start(job))
    folder = max(job.paths.checkpoints.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    rename_tensors(folder, "LayerNorm.weight", "LayerNorm.gamma")
    rewrite_manifest(folder)
    output = finish(start(job))
    assert "checkpoint checkpoint-30 is not used: model.safetensors lacks 5 of the model's tensors" in output
    assert "resuming from checkpoint-20" in output


def rename_tensors(folder: Path, old: str, new: str) -> None:
    file = folder / "model.safetensors"
    state = {name.replace(old, new): tensor.clone() for name, tensor in load_file(file).items()}
    save_file(state, file, metadata={"format": "pt"})


def rewrite_manifest(folder: Path) -> None:
    """Write a new manifest for the files that are in `folder` now."""
    manifest = store.read_manifest(folder / store.MANIFEST)
    origin = store.Origin(**manifest["origin"])
    (folder / store.MANIFEST).unlink()
    staged = folder.rename(folder.with_name("staged"))
    store.publish(staged, folder, manifest["step"], manifest["world_size"], manifest["rows"], origin)


def test_a_finished_job_keeps_the_hyperparameters_that_made_its_weights(tmp_path: Path) -> None:
    job = make(tmp_path)
    finish(start(job))
    before = Card.read(job.paths.model).training
    assert before is not None
    assert before["arguments"]["learning_rate"] == 3e-3
    job.hyperparameters(**SETTINGS | {"learning_rate": "1e-5"})
    output = finish(start(job))
    assert "learning_rate was 0.003 until step 30 and is 1e-05 from there on" in output
    after = Card.read(job.paths.model).training
    assert after is not None
    assert after["arguments"] == before["arguments"]
    content = json.loads((job.paths.output_data / "metrics.json").read_text())
    assert content["hyperparameters"]["learning_rate"] == 3e-3


def test_a_changed_learning_rate_and_number_of_epochs_are_applied(tmp_path: Path) -> None:
    job = make(tmp_path, lr_scheduler_type="linear", load_best_model_at_end=False)
    finish(start(job))
    job.hyperparameters(**SETTINGS | {"learning_rate": "1e-4", "epochs": 6, "load_best_model_at_end": False})
    output = finish(start(job))
    assert "num_train_epochs was 3.0 until step 30 and is 6.0 from there on" in output
    rates = {entry["step"]: entry["learning_rate"] for entry in history(job) if "learning_rate" in entry}
    assert rates[30] == pytest.approx(3e-3 * 1 / 30)
    assert rates[31] == pytest.approx(1e-4 * (1 - 30 / 60))
    assert rates[60] == pytest.approx(1e-4 * 1 / 60)
    assert (Card.read(job.paths.model).training or {})["arguments"]["learning_rate"] == 1e-4


def test_another_seed_is_refused_at_a_resume(tmp_path: Path) -> None:
    job = make(tmp_path, epochs=40)
    stop(job, at=5)
    (job.paths.model / "model.safetensors").unlink(missing_ok=True)
    job.hyperparameters(**SETTINGS | {"epochs": 40, "seed": 7})
    assert "hyperparameter seed is 7, but the checkpoint of step" in refused(job)
