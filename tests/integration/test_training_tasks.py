"""Several labels, regression and text pairs, from raw rows to the delivered model, also over a kill."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from scikit_scores import expected
from task_rows import TASKS, Task, make_task, write
from training_base import Job
from training_run import SECONDS, failure, finish, outcome, start, until, weights
from transformers import pipeline

from contract.card import Card
from training.metrics import SCORES

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", params=TASKS, ids=lambda task: task.name)
def task(request: pytest.FixtureRequest) -> Task:
    return request.param


@pytest.fixture(scope="module")
def finished(task: Task, tmp_path_factory: pytest.TempPathFactory) -> Job:
    job = make_task(tmp_path_factory.mktemp(task.name), task)
    # What Trainer says of label smoothing is not true of several labels here.
    assert "smoothing" not in finish(start(job))
    return job


def metrics(job: Job) -> dict[str, float]:
    return json.loads((job.paths.output_data / "metrics.json").read_text())["metrics"]


def answers(job: Job) -> tuple[list[dict[str, str]], list[dict[str, float]]]:
    """The test rows, and the scores that transformers' pipeline gives them, by label."""
    with (job.paths.channel("test") / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    texts = [{"text": row["text"], "text_pair": row["answer"]} if "answer" in row else row["text"] for row in rows]
    found: Any = pipeline("text-classification", model=str(job.paths.model), top_k=None, truncation=True)(texts)
    return rows, [{each["label"]: each["score"] for each in row} for row in found]


def test_the_metrics_are_scikit_learns_on_the_answers_of_the_delivered_model(task: Task, finished: Job) -> None:
    rows, scores = answers(finished)
    found, card = metrics(finished), Card.read(finished.paths.model)
    wanted = expected([row["label"] for row in rows], scores, card)
    assert {name: found[f"test_{name}"] for name in wanted} == pytest.approx(wanted, abs=1e-6)
    assert set(SCORES[card.problem_type]) <= set(wanted)
    assert found[f"test_{task.metric}"] > task.least


def test_the_card_says_what_the_model_answers(task: Task, finished: Job) -> None:
    card = Card.read(finished.paths.model)
    config = json.loads((finished.paths.model / "config.json").read_text())
    assert card.problem_type == config["problem_type"]
    assert list(card.label_names) == list(config["id2label"].values())
    assert (card.label_thresholds is not None and len(card.label_thresholds) == 3) is (task.name == "multilabel")
    assert (card.text_pair_column, card.temperature is not None) == (
        ("answer", True) if task.name == "pairs" else (None, False)
    )
    names = {path.name for path in finished.paths.output_data.iterdir()}
    assert ("predicted_by_true.png" in names, "confusion_matrix.png" in names) == (
        task.name == "regression",
        task.name == "pairs",
    )


def test_a_killed_training_ends_bit_identically(task: Task, tmp_path: Path) -> None:
    whole, killed = (
        make_task(tmp_path / name, task, rows=96, epochs=2, checkpoint_minutes=0, save_strategy="steps", save_steps=3)
        for name in ("whole", "killed")
    )
    finish(start(whole))
    process = start(killed)
    until(process, " step = 10")
    process.kill()
    process.communicate()
    assert list(killed.paths.checkpoints.glob("checkpoint-*"))
    assert "resuming from checkpoint-" in finish(start(killed))
    assert weights(killed) == weights(whole)
    assert outcome(killed) == outcome(whole)


@pytest.mark.parametrize(
    ("name", "column", "value", "sentence"),
    [
        (
            "multilabel",
            "label",
            "polite|unknown",
            "has other labels than the 3 of train in 1 of 24 rows, the first is row 2",
        ),
        (
            "regression",
            "label",
            "nan",
            "1 of 24 labels are NaN or infinite, the first is that of row 2; expected finite",
        ),
        ("pairs", "answer", "", "column answer is empty in 1 of 24 rows; expected a value in each"),
    ],
)
def test_a_wrong_row_gets_one_sentence(name: str, column: str, value: str, sentence: str, tmp_path: Path) -> None:
    chosen = next(task for task in TASKS if task.name == name)
    job = make_task(tmp_path, chosen, rows=96)
    with (job.paths.channel("validation") / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows[1][column] = value
    write(job.paths.channel("validation"), rows)
    process = start(job)
    output = process.communicate(timeout=SECONDS)[0]
    assert process.returncode != 0
    assert sentence in failure(job) and "\n" not in failure(job)
    assert "Traceback" not in output
