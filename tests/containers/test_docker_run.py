"""Each image by `docker run --network none`, with mounted input and output folders."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from containers.engine import docker

pytestmark = pytest.mark.both_bases

SPLITS = ("train", "validation", "test")
REQUEST = (
    "import json, sys, urllib.request as u\n"
    "body = json.dumps({'inputs': sys.argv[1:]}).encode()\n"
    "request = u.Request('http://127.0.0.1:8080/invocations', body, {'Content-Type': 'application/json'})\n"
    "print(u.urlopen(request, timeout=30).read().decode())\n"
)
PING = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/ping', timeout=5).status)"


def run(image: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", "run", "--rm", "--network", "none", "--volume", f"{folder}:/opt/ml", image, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def job(images: dict[str, str], inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to mount as /opt/ml, with the splits that processing wrote."""
    folder = tmp_path_factory.mktemp("ml")
    shutil.copytree(inputs / "raw", folder / "processing" / "input")
    shutil.copytree(inputs / "model", folder / "processing" / "tokenizer")
    arguments = ["--tokenizer", "/opt/ml/processing/tokenizer", "--max-length", "64", "--label-threshold", "4"]
    finished = run(images["processing"], folder, *arguments, "--label-names", "NEGATIVE,POSITIVE")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder


def hyperparameters(folder: Path, **values: str) -> None:
    config = folder / "input" / "config"
    config.mkdir(parents=True, exist_ok=True)
    (config / "hyperparameters.json").write_text(json.dumps(values))


@pytest.fixture(scope="module")
def trained(images: dict[str, str], inputs: Path, job: Path) -> Path:
    for name in SPLITS:
        shutil.copytree(job / "processing" / name, job / "input" / "data" / name)
    shutil.copytree(inputs / "model", job / "input" / "data" / "model")
    hyperparameters(job, epochs="3", train_batch_size="16", learning_rate="1e-3")
    finished = run(images["training"], job)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return job


def test_processing_needs_no_network(job: Path) -> None:
    report = json.loads((job / "processing" / "report" / "report.json").read_text())
    assert report["rows"]["kept"] > 1000
    assert all((job / "processing" / name / "state.json").is_file() for name in SPLITS)


def test_training_needs_no_network(trained: Path) -> None:
    card = json.loads((trained / "model" / "card.json").read_text())
    assert card["label_names"] == ["NEGATIVE", "POSITIVE"]
    assert json.loads((trained / "output" / "data" / "metrics.json").read_text())["metrics"]["eval_accuracy"] >= 0.8


def in_container(name: str, script: str, *arguments: str) -> str:
    return docker("exec", name, "python", "-c", script, *arguments, check=False)


@pytest.fixture(params=["root", "model-server"])
def server(request: pytest.FixtureRequest, images: dict[str, str], trained: Path) -> Iterator[str]:
    """Run the server on a read-only file system, by root and by a user without rights."""
    name = f"jobs-inference-{request.param}"
    docker("rm", "-f", name, check=False)
    where = ["--network", "none", "--read-only", "--tmpfs", "/tmp", "--volume", f"{trained / 'model'}:/opt/ml/model:ro"]
    docker("run", "--detach", "--name", name, "--user", request.param, *where, images["inference"], "serve")
    deadline = time.monotonic() + 90
    while in_container(name, PING) != "200":
        assert time.monotonic() < deadline, docker("logs", name, check=False)
        time.sleep(0.5)
    yield name
    docker("rm", "-f", name)


def test_inference_needs_no_network_no_root_and_no_disk_but_tmp(server: str) -> None:
    texts = ["The handle is superb. I would buy this tent again.", "The zip is dreadful. I sent this tent back."]
    answers = json.loads(in_container(server, REQUEST, *texts))
    assert [answer["label"] for answer in answers] == ["POSITIVE", "NEGATIVE"]
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
    name = "jobs-training-stopped"
    docker("rm", "-f", name, check=False)
    docker(
        "run", "--detach", "--name", name, "--network", "none", "--volume", f"{tmp_path}:/opt/ml", images["training"]
    )
    deadline = time.monotonic() + 120
    while "loss = " not in docker("logs", name):
        assert time.monotonic() < deadline, docker("logs", name)
        time.sleep(0.5)
    docker("stop", "--time", "60", name)
    log = docker("logs", name)
    assert docker("inspect", name, "--format", "{{.State.ExitCode}}") not in ("0", "137"), log
    docker("rm", name)
    reason = (tmp_path / "output" / "failure").read_text()
    step = int(reason.rsplit(" ", 1)[1])
    assert reason == f"interrupted, checkpoint at step {step}"
    hyperparameters(tmp_path, epochs="1", max_steps=str(step + 2), train_batch_size="16", learning_rate="1e-3")
    finished = run(images["training"], tmp_path)
    assert finished.returncode == 0, finished.stdout
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    assert card["training"]["steps"] == step + 2
    assert card["training"]["resumed_from"] == step
