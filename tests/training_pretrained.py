"""Jobs on a model that was loaded from a folder: their settings, and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from datasets import Dataset, load_from_disk
from training_base import Job, make_job, pretrain
from training_run import SECONDS, failure, start

from contract.card import Card

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


def turn_labels(job: Job, channel: str) -> None:
    folder = job.paths.channel(channel)
    rows = load_from_disk(str(folder)).to_dict()
    card = Card.read(folder)
    rows["labels"] = [1 - label for label in rows["labels"]]
    Dataset.from_dict(rows).save_to_disk(str(folder))
    card.write(folder)
