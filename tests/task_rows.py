"""Made-up rows of each kind of task, which a small model learns: several labels, numbers, and pairs of texts."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training_base import BAD, GOOD, PLAIN, Job, make_job

# Each label has a word of its own.
WORDS = {"polite": "good", "rude": "awful", "short": "fine"}
Row = dict[str, Any]


def shuffled(words: list[str], generator: random.Random) -> str:
    """`words` among one to eight others."""
    words = words + generator.choices(PLAIN, k=generator.randint(1, 8))
    generator.shuffle(words)
    return " ".join(words)


def several(generator: random.Random) -> Row:
    """A text with any of three labels, or none."""
    labels = [label for label in WORDS if generator.random() < 0.4]
    return {"text": shuffled([WORDS[label] for label in labels] * 2, generator), "label": "|".join(labels)}


def number(generator: random.Random) -> Row:
    """A text with a number by how many of its words are good."""
    good = generator.randint(0, 8)
    words = generator.choices(GOOD, k=good) + generator.choices(BAD, k=8 - good)
    return {"text": shuffled(words, generator), "label": good / 4 + 0.125}


def pair(generator: random.Random) -> Row:
    """Two texts, of which the second alone decides."""
    words = [generator.choice((GOOD, BAD)) for _ in range(2)]
    first, second = (shuffled(generator.choices(each, k=2), generator) for each in words)
    return {"text": first, "answer": second, "label": "yes" if words[1] is GOOD else "no"}


@dataclass(frozen=True)
class Task:
    """Rows of a task, and what trains on them.

    Attributes:
        name: as `make demo TASK=` has it.
        metric, least: of the delivered model on the test rows, and what it reaches in seconds.
    """

    name: str
    row: Callable[[random.Random], Row]
    metric: str
    least: float
    hyperparameters: dict[str, Any] = field(default_factory=dict)


SEVERAL = {"epochs": 12, "label_delimiter": "|", "decision_threshold": "best_f1", "label_smoothing_factor": 0.02}
TASKS = (
    Task("multilabel", several, "f1", 0.85, SEVERAL),
    Task("regression", number, "pearson", 0.95, {"metric_for_best_model": "rmse"}),
    Task("pairs", pair, "accuracy", 0.9, {"text_pair_column": "answer", "temperature_scaling": True}),
)


def write(folder: Path, rows: list[Row]) -> None:
    """Write `rows` as the only file of `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    with (folder / "rows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def make_task(base: Path, task: Task, rows: int = 480, **hyperparameters: Any) -> Job:
    """A job with raw rows of `task` in the channels train, validation and test below `base`."""
    job = make_job(base, rows=4, test=True)
    for seed, (name, count) in enumerate({"train": rows, "validation": rows // 4, "test": rows // 4}.items()):
        generator = random.Random(seed)
        write(job.paths.channel(name), [task.row(generator) for _ in range(count)])
    settings = {"epochs": 6, "train_batch_size": 16, "learning_rate": 4e-3, "logging_steps": 10}
    job.hyperparameters(**{**settings, **task.hyperparameters, **hyperparameters})
    return job
