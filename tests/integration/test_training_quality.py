"""One job with text channels and everything about model quality: metrics, threshold, early stopping, report, log."""

from __future__ import annotations

import csv
import json
import random
import re
from pathlib import Path

import pytest
import torch
from training_base import Job, make_job, make_text
from training_run import finish, history, series, start

from contract.card import SINGLE_LABEL, Card
from examples.metric_definitions import METRIC_DEFINITIONS, METRICS
from training.metrics import SCORES, known_scores

pytestmark = pytest.mark.integration

RUN_NAME = 'a "quoted" name, it\'s $HOME  '
NAMES = ("no", "yes")
OF_OTHER_TASKS = set(known_scores()) - {"loss", *SCORES[SINGLE_LABEL]}


def write_text(folder: Path, rows: int, seed: int) -> None:
    """Write texts, of which one in five has the label `yes`."""
    generator = random.Random(seed)
    for path in folder.rglob("*"):
        path.unlink()
    with (folder / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["label", "text"])
        for _ in range(rows):
            label = int(generator.random() < 0.2)
            writer.writerow([NAMES[label], make_text(label, generator)])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Job:
    job = make_job(tmp_path_factory.mktemp("quality"), rows=8, test=True)
    for seed, (channel, rows) in enumerate({"train": 400, "test": 120}.items()):
        write_text(job.paths.channel(channel), rows, seed)
    for path in job.paths.channel("validation").iterdir():
        path.unlink()
    job.paths.channel("validation").rmdir()
    job.hyperparameters(
        epochs=30,
        metric_for_best_model="f1",
        train_batch_size=16,
        learning_rate=4e-3,
        logging_steps=1,
        validation_fraction=0.3,
        max_length=24,
        tokens_per_batch=128,
        class_weights="balanced",
        decision_threshold="best_f1",
        early_stopping_patience=2,
        run_name=RUN_NAME,
        project="",
    )
    with pytest.MonkeyPatch.context() as patch:
        # By which a job reads a model from the hub.
        patch.setenv("HF_TOKEN", "s3cret")
        (job.paths.base / "log.txt").write_text(finish(start(job)))
    return job


def test_text_is_learned_with_its_label_names(finished: Job) -> None:
    losses = series(finished, "loss")
    assert sum(losses[-10:]) < 0.3 * sum(losses[:10])
    card = Card.read(finished.paths.model)
    assert (card.label_names, card.max_length) == (NAMES, 24)
    assert json.loads((finished.paths.model / "config.json").read_text())["id2label"] == {"0": "no", "1": "yes"}


def test_early_stopping_ends_the_training(finished: Job) -> None:
    # The last evaluation is that of the delivered weights.
    *scores, delivered = series(finished, "eval_f1")
    assert len(scores) < 30
    assert len(scores) - 1 - scores.index(max(scores)) == 2
    assert delivered == max(scores) > 0.9


def test_the_decision_threshold_is_in_the_card(finished: Job) -> None:
    metrics = json.loads((finished.paths.output_data / "metrics.json").read_text())["metrics"]
    card = Card.read(finished.paths.model)
    assert card.decision_threshold == metrics["decision_threshold"]
    assert card.decision_threshold is not None and 0 < card.decision_threshold < 1
    assert metrics["eval_f1_at_threshold"] >= metrics["eval_f1"]
    assert "test_f1_at_threshold" in metrics


def test_hyperparameters_arrive_as_they_were_written(finished: Job) -> None:
    asked = json.loads((finished.paths.output_data / "metrics.json").read_text())["hyperparameters"]
    assert asked["run_name"] == RUN_NAME
    assert asked["project"] == ""
    assert asked["class_weights"] == "balanced"


def test_secrets_are_in_no_output(finished: Job) -> None:
    folders = (finished.paths.base / "output", finished.paths.model)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 8
    assert not [path for path in files if b"s3cret" in path.read_bytes()]
    assert "s3cret" not in (finished.paths.base / "log.txt").read_text()


def test_metric_definitions_find_their_numbers_in_the_log(finished: Job) -> None:
    lines = (finished.paths.base / "log.txt").read_text().splitlines()
    logged = {**{name: value for entry in history(finished) for name, value in entry.items()}}
    logged |= json.loads((finished.paths.output_data / "metrics.json").read_text())["metrics"]
    for definition in METRIC_DEFINITIONS:
        if definition["Name"] == "train:peak_share" and not torch.cuda.is_available():
            continue
        if definition["Name"].partition(":")[2] in OF_OTHER_TASKS:
            continue
        found = [match[1] for line in lines if (match := re.search(definition["Regex"], line))]
        assert found, definition
        assert float(found[-1]) == pytest.approx(logged[METRICS[definition["Name"]]], rel=1e-5), definition


def test_plots_worst_predictions_and_tensorboard_are_written(finished: Job) -> None:
    names = {path.name for path in finished.paths.output_data.iterdir()}
    assert {"report.html", "curves.png", "confusion_matrix.png"} <= names
    page = (finished.paths.output_data / "report.html").read_text()
    assert "accuracy on test" in page and "decision threshold" in page and "Reliability diagram on test" in page
    assert list(finished.paths.tensorboard.glob("events.out.tfevents.*"))
    assert not list(finished.paths.checkpoints.rglob("*tfevents*"))


def test_no_text_of_the_data_is_in_the_log(finished: Job) -> None:
    assert not re.search(r"word\d+ word\d+", (finished.paths.base / "log.txt").read_text())
