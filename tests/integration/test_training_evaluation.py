"""Evaluations of a training: their rows, with one and with two ranks, and how often they run."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from datasets import Dataset, load_from_disk
from training_base import Job, make_job
from training_pretrained import SETTINGS, make, metrics, turn_labels
from training_run import finish, history, series, start

from contract.card import Card

pytestmark = pytest.mark.integration


def test_the_last_evaluation_is_logged_again_and_not_computed_twice(tmp_path: Path) -> None:
    job = make(tmp_path, load_best_model_at_end=False)
    finish(start(job))
    entries = [entry for entry in history(job) if "eval_loss" in entry]
    assert [entry["step"] for entry in entries] == [10, 20, 30, 30]
    assert entries[-1] == entries[-2]
    # eval_runtime would differ if it had run twice.
    assert metrics(job)["eval_runtime"] == entries[-1]["eval_runtime"]
    assert len(series(job, "eval_loss")) == 4


def test_rows_that_are_stored_padded_are_delivered(tmp_path: Path) -> None:
    plain, padded = (make(tmp_path / name, dropout=0.0) for name in ("plain", "padded"))
    for channel in ("train", "validation"):
        pad(padded, channel, 40)
    for job in (plain, padded):
        finish(start(job))
    assert metrics(padded)["eval_loss"] == metrics(plain)["eval_loss"]


def pad(job: Job, channel: str, width: int) -> None:
    """Pad rows to a maximum length, with attention_mask, as a tokenizer does."""
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
    # Validation and test have different sizes and swapped labels, so their metrics differ.
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
    # Accuracies are multiples of 1/25, so the last batch of 9 rows is counted.
    for name in ("eval_accuracy", "test_accuracy"):
        assert found[name] * 25 == pytest.approx(round(found[name] * 25))


def test_two_ranks_evaluate_as_one_does(tmp_path: Path) -> None:
    """41 rows: the last batch is filled up where two ranks share them, and counts no row twice."""
    one, two = (make(tmp_path / name, rows=164, dropout=0.0, epochs=1) for name in ("one", "two"))
    for job, ranks in ((one, 1), (two, 2)):
        job.hyperparameters(**SETTINGS | {"epochs": 1, "train_batch_size": 16 // ranks, "processes_per_host": ranks})
        finish(start(job))
    assert metrics(two)["eval_loss"] == pytest.approx(metrics(one)["eval_loss"], rel=1e-5)
    for name in ("eval_accuracy", "eval_f1", "eval_precision", "eval_recall"):
        assert metrics(two)[name] == pytest.approx(metrics(one)[name], abs=1e-6)
