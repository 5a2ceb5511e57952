"""Training, resume, LoRA, transformers.pipeline and serving for each of many architectures, with raw text and dropout.

`python -m benchmarks.architectures` prints the results as a table.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import training_fork
from architectures import ARCHITECTURES, make_rows, make_text_job
from inference_server import running
from pipeline_scores import assert_as_in_a_pipeline, mixed_texts, serve
from training_base import LABELS, Job
from training_fork import Training
from training_run import history, outcome, series
from transformers import AutoModelForSequenceClassification, pipeline

from contract.card import Card
from inference.worker import isolation

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")]

# 10 steps per epoch, with a checkpoint and an evaluation after each epoch.
ROWS = 160
WRONG = 0.3
SETTINGS = {"epochs": 6, "train_batch_size": 16, "learning_rate": "4e-3", "logging_steps": 1}
# Number of kills after the first checkpoint, at random moments.
STEPS = range(11, 50)
SERVED = "gpt2"


@dataclass(frozen=True)
class Trainings:
    """Three trainings of one architecture: uninterrupted, killed and resumed, and with LoRA."""

    name: str
    whole: Training
    resumed: Training
    adapted: Training


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Use one thread in this process, since trainings use the other cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=ARCHITECTURES)
def trainings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainings]:
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    killed = training_fork.start(make_text_job(folder / "killed", name, ROWS, WRONG, **SETTINGS))
    whole = training_fork.start(make_text_job(folder / "whole", name, ROWS, WRONG, **SETTINGS))
    kill_at_random(killed)
    resumed = training_fork.start(killed.job, "resumed")
    adapted = training_fork.start(make_text_job(folder / "adapted", name, ROWS, WRONG, **SETTINGS, lora_r=4))
    yield Trainings(name, whole, resumed, adapted)
    for training in (whole, resumed, adapted):
        training.process.kill()


def kill_at_random(training: Training) -> None:
    """Send SIGKILL after the first checkpoint and well before the end: during a step, an evaluation or a save."""
    training.wait_for("saved checkpoint-10$")
    training.wait_for(f" step = {random.choice(STEPS)}$")
    time.sleep(random.uniform(0, 0.1))
    training.kill()


def delivered_card(job: Job) -> dict[str, Any]:
    training = Card.read(job.paths.model).training
    assert training is not None
    return training


def test_it_trains_from_text_and_the_loss_falls(trainings: Trainings) -> None:
    trainings.whole.finish()
    losses = series(trainings.whole.job, "loss")
    assert len(losses) == 60
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


def test_a_killed_training_resumes_bit_identically(trainings: Trainings) -> None:
    log = trainings.resumed.finish()
    assert "resuming from checkpoint-" in log
    trainings.whole.finish()
    assert outcome(trainings.resumed.job) == outcome(trainings.whole.job)


def test_the_best_model_is_delivered_even_if_it_is_not_the_last(trainings: Trainings) -> None:
    trainings.whole.finish()
    job, card = trainings.whole.job, delivered_card(trainings.whole.job)
    evaluations = {entry["step"]: entry for entry in reversed(history(job)) if "eval_loss" in entry}
    assert card["step"] == min(evaluations, key=lambda step: evaluations[step]["eval_loss"]) < card["steps"]
    for name in ("eval_loss", "eval_accuracy"):
        assert card["metrics"][name] == pytest.approx(evaluations[card["step"]][name], rel=1e-6)
    assert evaluations[card["steps"]]["eval_loss"] > 1.05 * card["metrics"]["eval_loss"]


def test_a_lora_model_is_delivered_with_merged_weights(trainings: Trainings) -> None:
    log = trainings.adapted.finish()
    assert "LoRA of rank 4 on " in log
    job = trainings.adapted.job
    model = load_whole(job.paths.model)
    base = AutoModelForSequenceClassification.from_pretrained(job.paths.channel("model"))
    assert model.get_input_embeddings().weight.equal(base.get_input_embeddings().weight)
    assert [name for name in layers(base) if not layers(model)[name].equal(layers(base)[name])]
    assert_served_alike(job)


def layers(model: Any) -> dict[str, torch.Tensor]:
    """Weight matrices of the encoder's layers, which LoRA adapts."""
    state = model.base_model.state_dict()
    return {name: tensor for name, tensor in state.items() if "layer" in name or ".h." in name or name[:2] == "h."}


def load_whole(folder: Path) -> Any:
    """Load the classifier in `folder`, and check that no weights are missing or unexpected."""
    model, found = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    assert not any(found[problem] for problem in ("missing_keys", "unexpected_keys", "mismatched_keys")), found
    return model


def test_it_works_in_transformers_pipeline_with_the_right_labels(trainings: Trainings) -> None:
    trainings.whole.finish()
    folder = trainings.whole.job.paths.model
    load_whole(folder)
    rows = make_rows(ROWS // 2, seed=1, wrong=WRONG)
    answers = pipeline("text-classification", model=str(folder))([text for text, _ in rows])
    right = sum(answer["label"] == label for answer, (_, label) in zip(answers, rows, strict=True))
    assert {answer["label"] for answer in answers} <= set(LABELS)
    assert right / len(rows) == pytest.approx(delivered_card(trainings.whole.job)["metrics"]["eval_accuracy"])


def test_the_served_scores_equal_the_pipelines(trainings: Trainings, tmp_path: Path) -> None:
    trainings.whole.finish()
    assert_served_alike(trainings.whole.job)
    if trainings.name == SERVED:
        assert_served_over_http(trainings.whole.job, tmp_path / "log.txt")


def assert_served_alike(job: Job) -> None:
    own, texts = serve(job.paths.model), mixed_texts()
    isolation.ensure(own)
    assert not own.isolated
    assert_as_in_a_pipeline(job.paths.model, texts, own(texts, top_k=None))


def assert_served_over_http(job: Job, log: Path) -> None:
    """Send concurrent requests with one text each, so that they share batches, and compare the scores."""
    texts = mixed_texts(32)

    def ask(text: str) -> Any:
        response = server.post({"inputs": text, "parameters": {"top_k": None}}, content_type="application/json")
        assert response.status_code == 200, response.text
        return response.json()

    with running(job.paths.base, log) as server, ThreadPoolExecutor(16) as callers:
        server.wait()
        answers = list(callers.map(ask, texts))
    assert max(map(int, re.findall(r'"requests": (\d+)', log.read_text()))) > 1
    assert_as_in_a_pipeline(job.paths.model, texts, answers)
