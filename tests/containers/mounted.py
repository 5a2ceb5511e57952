"""The images by `docker run --network none`, with one folder mounted as /opt/ml."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from containers.engine import docker

SPLITS = ("train", "validation", "test")
REQUEST = (
    "import json, sys, urllib.request as u\n"
    "body = json.dumps({'inputs': sys.argv[1:]}).encode()\n"
    "request = u.Request('http://127.0.0.1:8080/invocations', body, {'Content-Type': 'application/json'})\n"
    "print(u.urlopen(request, timeout=30).read().decode())\n"
)
PING = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/ping', timeout=5).status)"
START_SECONDS = 120


def run(image: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", "run", "--rm", "--network", "none", "--volume", f"{folder}:/opt/ml", image, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def hyperparameters(folder: Path, **values: str) -> None:
    config = folder / "input" / "config"
    config.mkdir(parents=True, exist_ok=True)
    (config / "hyperparameters.json").write_text(json.dumps(values))


def stopped(image: str, folder: Path) -> int:
    """Start a training, send `docker stop` after its first step; returns the step of the checkpoint."""
    name = "jobs-training-stopped"
    docker("rm", "-f", name, check=False)
    docker("run", "--detach", "--name", name, "--network", "none", "--volume", f"{folder}:/opt/ml", image)
    deadline = time.monotonic() + START_SECONDS
    while "loss = " not in docker("logs", name):
        assert time.monotonic() < deadline, docker("logs", name)
        time.sleep(0.5)
    docker("stop", "--time", "60", name)
    log = docker("logs", name)
    assert docker("inspect", name, "--format", "{{.State.ExitCode}}") not in ("0", "137"), log
    docker("rm", name)
    reason = (folder / "output" / "failure").read_text()
    step = int(reason.rsplit(" ", 1)[1])
    assert reason == f"interrupted, checkpoint at step {step}"
    return step


@contextmanager
def serving(image: str, model: Path, user: str = "root") -> Iterator[str]:
    """Run the server on a read-only file system; yields the name of its container once it is ready."""
    name = f"jobs-inference-{user}"
    docker("rm", "-f", name, check=False)
    where = ["--network", "none", "--read-only", "--tmpfs", "/tmp", "--volume", f"{model}:/opt/ml/model:ro"]
    docker("run", "--detach", "--name", name, "--user", user, *where, image, "serve")
    deadline = time.monotonic() + START_SECONDS
    while in_container(name, PING) != "200":
        assert time.monotonic() < deadline, docker("logs", name, check=False)
        time.sleep(0.5)
    yield name
    docker("rm", "-f", name)


def labels(server: str, *texts: str) -> list[str]:
    """The labels that the container `server` answers for texts."""
    return [answer["label"] for answer in json.loads(in_container(server, REQUEST, *texts))]


def in_container(name: str, script: str, *arguments: str) -> str:
    return docker("exec", name, "python", "-c", script, *arguments, check=False)
