"""Trainings of a pretrained model that is loaded from a folder: delivery, divergence, refused weights."""

from __future__ import annotations

import json
import math
import random
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from training_base import LABELS, PLAIN, Job, make_text
from training_pretrained import SETTINGS, make, metrics, refused, turn_labels
from training_run import finish, series, start
from transformers import BertConfig, pipeline

from contract.card import Card

pytestmark = pytest.mark.integration


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


def test_the_best_of_several_evaluations_is_delivered(tmp_path: Path) -> None:
    # The validation loss only grows, since the labels of validation are swapped.
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


def test_the_served_model_is_the_evaluated_one(tmp_path: Path) -> None:
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


def test_a_diverged_training_fails_with_step_learning_rate_and_remedy(tmp_path: Path) -> None:
    job = make(tmp_path, learning_rate="1e30", max_grad_norm=0, warmup_steps=0)
    reason = refused(job)
    assert "NaN or infinite for 3 steps in a row, the last one step " in reason
    assert "learning rate" in reason
    assert "lower learning_rate" in reason


def test_the_last_finite_weights_are_delivered_if_configured(tmp_path: Path) -> None:
    # The learning rate becomes huge after 10 steps, at the end of which the first start ends.
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


def test_weights_of_another_kind_of_model_are_refused(tmp_path: Path) -> None:
    """transformers would initialize missing weights at random, and report it only in its log."""
    job = make(tmp_path)
    folder = job.paths.channel("model")
    state = {
        name.replace("bert.encoder", "roberta.encoder"): t
        for name, t in load_file(folder / "model.safetensors").items()
    }
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    assert "lack 32 tensors of a bert encoder" in refused(job)


def test_a_model_without_sdpa_starts(tmp_path: Path) -> None:
    """Such as DeBERTa; here by the option attn_implementation, with a model that has both."""
    job = make(tmp_path, attn_implementation="eager", epochs=1)
    finish(start(job))
    assert BertConfig.from_pretrained(job.paths.model).num_labels == 2
    assert torch.isfinite(torch.tensor(series(job, "loss"))).all()
