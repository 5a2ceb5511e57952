"""Each image by `docker run --network none`, with mounted input and output folders."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from containers.engine import docker
from containers.mounted import SPLITS, hyperparameters, labels, run, serving, stopped

pytestmark = pytest.mark.both_bases


def test_processing_needs_no_network(job: Path) -> None:
    report = json.loads((job / "processing" / "report" / "report.json").read_text())
    assert report["rows"]["kept"] > 1000
    assert all((job / "processing" / name / "state.json").is_file() for name in SPLITS)


def test_training_needs_no_network(trained: Path) -> None:
    card = json.loads((trained / "model" / "card.json").read_text())
    assert card["label_names"] == ["NEGATIVE", "POSITIVE"]
    assert json.loads((trained / "output" / "data" / "metrics.json").read_text())["metrics"]["eval_accuracy"] >= 0.8


@pytest.fixture(params=["root", "model-server"])
def server(request: pytest.FixtureRequest, images: dict[str, str], trained: Path) -> Iterator[str]:
    """Run the server on a read-only file system, by root and by a user without rights."""
    with serving(images["inference"], trained / "model", request.param) as name:
        yield name


def test_inference_needs_no_network_no_root_and_no_disk_but_tmp(server: str) -> None:
    texts = ["The handle is superb. I would buy this tent again.", "The zip is dreadful. I sent this tent back."]
    assert labels(server, *texts) == ["POSITIVE", "NEGATIVE"]
    started = time.monotonic()
    docker("stop", "--time", "60", server)
    assert time.monotonic() - started < 30
    assert docker("inspect", server, "--format", "{{.State.ExitCode}}") == "0"


def test_a_wrong_option_of_processing_is_one_sentence_in_log_and_message(
    images: dict[str, str], tmp_path: Path
) -> None:
    finished = run(images["processing"], tmp_path, "--max-lenght", "5")
    sentence = "unknown option --max-lenght: did you mean --max-length?"
    assert finished.returncode == 2
    assert sentence in finished.stdout
    assert "Traceback" not in finished.stdout + finished.stderr
    assert (tmp_path / "output" / "message").read_text() == sentence


def test_a_wrong_hyperparameter_of_training_is_one_sentence_in_log_and_failure(
    images: dict[str, str], tmp_path: Path
) -> None:
    hyperparameters(tmp_path, epoch="5")
    finished = run(images["training"], tmp_path, "train")
    sentence = "unknown hyperparameter epoch: did you mean epochs?"
    assert finished.returncode != 0
    assert sentence in finished.stdout
    assert "Traceback" not in finished.stdout + finished.stderr
    assert (tmp_path / "output" / "failure").read_text() == sentence


def test_a_model_that_is_not_there_ends_the_server_with_the_reason(images: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    finished = run(images["inference"], tmp_path, "serve")
    assert finished.returncode != 0
    assert "config.json" in finished.stdout
    assert "Traceback" not in finished.stdout + finished.stderr


def test_docker_stop_saves_a_checkpoint_and_the_next_start_resumes_from_it(
    images: dict[str, str], trained: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained / "input", tmp_path / "input")
    hyperparameters(tmp_path, epochs="200", train_batch_size="16", learning_rate="1e-3", logging_steps="1")
    step = stopped(images["training"], tmp_path)
    hyperparameters(tmp_path, epochs="1", max_steps=str(step + 2), train_batch_size="16", learning_rate="1e-3")
    finished = run(images["training"], tmp_path)
    assert finished.returncode == 0, finished.stdout
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    assert card["training"]["steps"] == step + 2
    assert card["training"]["resumed_from"] == step
