"""A LoRA training that is stopped and resumed, and whose model is delivered with merged weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_base import make_job
from training_run import finish, outcome, series, start, stop, weights
from transformers import AutoModelForSequenceClassification

pytestmark = pytest.mark.integration


def test_a_stopped_lora_training_ends_as_an_uninterrupted_one_and_delivers_a_plain_model(tmp_path: Path) -> None:
    jobs = [make_job(tmp_path / name, rows=200) for name in ("whole", "stopped")]
    for job in jobs:
        job.hyperparameters(epochs=8, train_batch_size=16, learning_rate=5e-3, logging_steps=1, lora_r=8)
    whole, stopped = jobs
    log = finish(start(whole))
    assert "LoRA of rank 8 on " in log
    losses = series(whole, "loss")
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    assert 0 < stop(stopped, at=40) < len(losses)
    assert "resuming from" in finish(start(stopped))
    assert weights(stopped) == weights(whole)
    assert outcome(stopped) == outcome(whole)
    _, found = AutoModelForSequenceClassification.from_pretrained(whole.paths.model, output_loading_info=True)
    assert not found["missing_keys"] and not found["unexpected_keys"]
