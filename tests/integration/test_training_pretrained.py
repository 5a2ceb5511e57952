"""What a training promises on a model that was loaded from a folder, as people's are."""

from __future__ import annotations

import json
import math
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset, load_from_disk
from safetensors.torch import load_file, save_file
from training_base import LABELS, PLAIN, Job, make_job, make_text, pretrain
from training_run import SECONDS, failure, finish, history, series, start, stop
from transformers import BertConfig, pipeline

from contract.card import Card
from training.checkpointing import store

pytestmark = pytest.mark.integration

SETTINGS: dict[str, Any] = {
    "epochs": 3,
    "train_batch_size": 16,
    "learning_rate": "3e-3",
    "logging_steps": 1,
    "bf16": False,
}


def make(folder: Path, rows: int = 160, dropout: float = 0.1, **settings: Any) -> Job:
    job = make_job(folder, rows=rows, dropout=dropout)
    pretrain(job.paths.channel("model"))
    job.hyperparameters(**SETTINGS | settings)
    return job


def run(job: Job) -> tuple[int, str]:
    """Exit status and log of a start that may fail."""
    process = start(job)
    output = process.communicate(timeout=SECONDS)[0]
    return process.returncode, output


def refused(job: Job) -> str:
    """The reason of a start that fails with a sentence and leaves no model."""
    # The toolkit does not replace the reason of an earlier start.
    job.paths.failure.unlink(missing_ok=True)
    status, output = run(job)
    assert status != 0
    assert "Traceback" not in output
    assert not (job.paths.model / "model.safetensors").exists()
    return failure(job)


def metrics(job: Job) -> dict[str, float]:
    return json.loads((job.paths.output_data / "metrics.json").read_text())["metrics"]


def write_text_channels(job: Job) -> tuple[list[str], list[int]]:
    """Text in place of prepared rows, and no card. Returns texts and classes of validation, which are longer than all
    of train and end in the words that tell their class."""
    found: tuple[list[str], list[int]] = ([], [])
    for seed, (name, rows) in enumerate({"train": 320, "validation": 80}.items()):
        generator = random.Random(seed)
        found = [], [generator.randrange(2) for _ in range(rows)]
        for label in found[1]:
            start = " ".join(generator.choices(PLAIN, k=30)) if name == "validation" else ""
            found[0].append(f"{start} {make_text(label, generator)}")
        folder = job.paths.channel(name)
        shutil.rmtree(folder)
        folder.mkdir()
        rows_of = [{"text": text, "label": LABELS[label]} for text, label in zip(*found, strict=True)]
        (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows_of)) + "\n")
    return found


def test_the_best_model_is_delivered_where_it_is_not_the_last(tmp_path: Path) -> None:
    # The loss on validation, whose labels are the other way round, only grows.
    job = make(tmp_path)
    turn_labels(job, "validation")
    output = finish(start(job))
    losses = series(job, "eval_loss")
    assert losses[0] == min(losses[:3])
    card = Card.read(job.paths.model)
    assert (card.training or {})["step"] == 10
    assert metrics(job)["eval_loss"] == losses[0]
    assert "gives the same answers on 40 rows of validation" in output
    names = load_file(job.paths.model / "model.safetensors").keys()
    assert any("LayerNorm.weight" in name for name in names)
    assert not any("gamma" in name for name in names)


def test_the_last_evaluation_is_logged_again_and_not_computed_twice(tmp_path: Path) -> None:
    job = make(tmp_path, load_best_model_at_end=False)
    finish(start(job))
    entries = [entry for entry in history(job) if "eval_loss" in entry]
    assert [entry["step"] for entry in entries] == [10, 20, 30, 30]
    assert entries[-1] == entries[-2]
    # Its time would be another, had it run twice.
    assert metrics(job)["eval_runtime"] == entries[-1]["eval_runtime"]
    assert len(series(job, "eval_loss")) == 4


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


def test_rows_that_are_stored_padded_are_delivered(tmp_path: Path) -> None:
    plain, padded = (make(tmp_path / name, dropout=0.0) for name in ("plain", "padded"))
    for channel in ("train", "validation"):
        pad(padded, channel, 40)
    for job in (plain, padded):
        finish(start(job))
    # Padding that the model does not see: lengths, and so the order of rows, are the padded ones.
    assert metrics(padded)["eval_loss"] == pytest.approx(metrics(plain)["eval_loss"], rel=0.05)


def pad(job: Job, channel: str, width: int) -> None:
    """Rows as a tokenizer gives them with padding to a maximum, and its attention mask."""
    folder = job.paths.channel(channel)
    rows = load_from_disk(str(folder)).to_dict()
    card = Card.read(folder)
    rows["attention_mask"] = [[1] * len(ids) + [0] * (width - len(ids)) for ids in rows["input_ids"]]
    rows["input_ids"] = [ids + [0] * (width - len(ids)) for ids in rows["input_ids"]]
    rows.pop("length")
    shutil.rmtree(folder)
    Dataset.from_dict(rows).save_to_disk(str(folder))
    replace(card, max_length=width).write(folder)


@pytest.mark.parametrize("workers", [0, 2])
def test_test_metrics_are_of_the_test_rows_all_of_them(tmp_path: Path, workers: int) -> None:
    job = make_job(tmp_path, rows=100, test=True)
    # Validation and test of other sizes, and of other labels: the one is right where the other is wrong.
    turn_labels(job, "test")
    job.hyperparameters(
        **SETTINGS
        | {"dataloader_num_workers": workers, "dataloader_persistent_workers": True, "dataloader_drop_last": True}
        | {"eval_batch_size": 16, "train_batch_size": 8, "epochs": 10}
    )
    finish(start(job))
    found = metrics(job)
    assert found["eval_accuracy"] > 0.9
    assert found["test_accuracy"] < 0.1
    # Shares of 25 rows: the last batch of 9 is counted.
    for name in ("eval_accuracy", "test_accuracy"):
        assert found[name] * 25 == pytest.approx(round(found[name] * 25))


def turn_labels(job: Job, channel: str) -> None:
    folder = job.paths.channel(channel)
    rows = load_from_disk(str(folder)).to_dict()
    card = Card.read(folder)
    rows["labels"] = [1 - label for label in rows["labels"]]
    Dataset.from_dict(rows).save_to_disk(str(folder))
    card.write(folder)


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
    """Other words, as many in each row as before."""
    folder = job.paths.channel("train")
    rows, card = load_from_disk(str(folder)).to_dict(), Card.read(folder)
    rows["input_ids"][0][1] += 1
    Dataset.from_dict(rows).save_to_disk(str(folder))
    card.write(folder)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (change_weights, "base model or model configuration"),
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
    vouch(folder)
    output = finish(start(job))
    assert "checkpoint checkpoint-30 is not used: model.safetensors lacks 5 of the model's tensors" in output
    assert "resuming from checkpoint-20" in output


def rename_tensors(folder: Path, old: str, new: str) -> None:
    file = folder / "model.safetensors"
    state = {name.replace(old, new): tensor.clone() for name, tensor in load_file(file).items()}
    save_file(state, file, metadata={"format": "pt"})


def vouch(folder: Path) -> None:
    """Write the manifest of `folder` anew, for what is in it now."""
    manifest = store.read_manifest(folder / store.MANIFEST)
    origin = store.Origin(**manifest["origin"])
    (folder / store.MANIFEST).unlink()
    staged = folder.rename(folder.with_name("staged"))
    store.publish(staged, folder, manifest["step"], manifest["world_size"], manifest["rows"], origin)


def test_what_is_served_is_what_was_judged(tmp_path: Path) -> None:
    job = make(tmp_path, epochs=12, max_length=64)
    config = job.paths.channel("model") / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"problem_type": "multi_label_classification"}))
    texts, labels = write_text_channels(job)
    finish(start(job))
    card = Card.read(job.paths.model)
    assert card.max_length == 64
    assert json.loads((job.paths.model / "tokenizer_config.json").read_text())["model_max_length"] == 64
    assert json.loads((job.paths.model / "config.json").read_text())["problem_type"] == "single_label_classification"
    classify = pipeline("text-classification", model=str(job.paths.model), top_k=None)
    answers = classify(texts, truncation=True, batch_size=8)
    assert all(sum(part["score"] for part in answer) == pytest.approx(1) for answer in answers)
    right = sum(answer[0]["label"] == LABELS[label] for answer, label in zip(answers, labels, strict=True))
    assert right / len(labels) == pytest.approx(metrics(job)["eval_accuracy"])
    assert metrics(job)["eval_accuracy"] > 0.8


def test_rows_longer_than_the_configured_length_are_refused(tmp_path: Path) -> None:
    job = make(tmp_path, max_length=8)
    assert "max_length is 8, but channel train was processed with 32" in refused(job)
    for name in ("train", "validation"):
        (job.paths.channel(name) / "card.json").unlink()
    assert "but max_length is 8" in refused(job)


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


def test_a_changed_learning_rate_and_length_of_training_are_honoured(tmp_path: Path) -> None:
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


def test_another_seed_is_refused_in_the_midst_of_a_training(tmp_path: Path) -> None:
    job = make(tmp_path, epochs=40)
    stop(job, at=5)
    (job.paths.model / "model.safetensors").unlink(missing_ok=True)
    job.hyperparameters(**SETTINGS | {"epochs": 40, "seed": 7})
    assert "hyperparameter seed is 7, but the checkpoint of step" in refused(job)


def test_a_diverged_training_fails_with_step_learning_rate_and_remedy(tmp_path: Path) -> None:
    job = make(tmp_path, learning_rate="1e30", max_grad_norm=0, warmup_steps=0)
    reason = refused(job)
    assert "NaN or infinite for 3 steps in a row, the last one step " in reason
    assert "learning rate" in reason
    assert "lower learning_rate" in reason


def test_the_last_finite_weights_are_delivered_where_that_is_asked_for(tmp_path: Path) -> None:
    # The learning rate explodes after 10 steps, with which a first start ends.
    job = make(tmp_path, max_steps=10, lr_scheduler_type="constant", save_strategy="steps", save_steps=5)
    finish(start(job))
    changed = {"learning_rate": "1e30", "max_grad_norm": 0, "on_divergence": "deliver", "max_steps": 40}
    job.hyperparameters(
        **SETTINGS | {"lr_scheduler_type": "constant", "save_strategy": "steps", "save_steps": 5} | changed
    )
    output = finish(start(job))
    assert "the training has diverged" in output
    card = Card.read(job.paths.model)
    assert (card.training or {})["step"] == 10
    assert (card.training or {})["arguments"]["learning_rate"] == 3e-3
    assert all(bool(tensor.isfinite().all()) for tensor in load_file(job.paths.model / "model.safetensors").values())
    content = (job.paths.output_data / "metrics.json").read_text()
    assert "NaN" not in content and "Infinity" not in content
    assert math.isfinite(metrics(job)["eval_loss"])


def test_two_ranks_give_the_evaluation_of_one(tmp_path: Path) -> None:
    """41 rows: the last batch is filled up where two ranks share them, and counts no row twice."""
    one, two = (make(tmp_path / name, rows=164, dropout=0.0, epochs=1) for name in ("one", "two"))
    for job, ranks in ((one, 1), (two, 2)):
        job.hyperparameters(**SETTINGS | {"epochs": 1, "train_batch_size": 16 // ranks, "processes_per_host": ranks})
        finish(start(job))
    assert metrics(two)["eval_loss"] == pytest.approx(metrics(one)["eval_loss"], rel=1e-5)
    assert metrics(two)["eval_accuracy"] == metrics(one)["eval_accuracy"]


def test_weights_of_another_kind_of_model_are_refused(tmp_path: Path) -> None:
    """transformers would begin at random, and say so in a table of the log alone."""
    job = make(tmp_path)
    folder = job.paths.channel("model")
    state = {
        name.replace("bert.encoder", "roberta.encoder"): t
        for name, t in load_file(folder / "model.safetensors").items()
    }
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    assert "lack 32 tensors of a bert encoder" in refused(job)


def test_a_model_without_sdpa_starts(tmp_path: Path) -> None:
    """As DeBERTa is; here by the option, on a model that has both."""
    job = make(tmp_path, attn_implementation="eager", epochs=1)
    finish(start(job))
    assert BertConfig.from_pretrained(job.paths.model).num_labels == 2
    assert torch.isfinite(torch.tensor(series(job, "loss"))).all()
