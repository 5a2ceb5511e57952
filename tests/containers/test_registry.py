"""A push to a real registry on loopback, and a job run by the digest that it gave."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from containers.conftest import ROOT, running
from containers.engine import docker, free_port, wait_for

pytestmark = pytest.mark.skipif(not shutil.which("docker-registry"), reason="no docker-registry on PATH")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HOST:PORT of an empty registry; on loopback an engine asks for no certificate."""
    folder, host = tmp_path_factory.mktemp("registry"), f"127.0.0.1:{free_port()}"
    config = {
        "version": 0.1,
        "log": {"accesslog": {"disabled": True}, "level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {"addr": host},
    }
    (folder / "config.yml").write_text(json.dumps(config))
    with running(["docker-registry", "serve", str(folder / "config.yml")]):
        wait_for(f"http://{host}/v2/")
        yield host
        for tag in docker("images", "--format", "{{.Repository}}:{{.Tag}}").splitlines():
            if tag.startswith(host):
                docker("rmi", tag)


def push(registry: str, output: Path) -> tuple[dict[str, Any], str]:
    """Content of images.json, and what build.sh told."""
    where = ["--push", "--allow-dirty", "--registry", registry, "--images-json", str(output)]
    command = [ROOT / "build.sh", "--base", "standin", *where, "processing"]
    told = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    assert told.returncode == 0, told.stderr[-4000:]
    return json.loads(output.read_text()), told.stderr


def test_a_second_push_changes_nothing_and_the_digest_runs(
    images: dict[str, str], registry: str, tmp_path: Path
) -> None:
    first, _ = push(registry, tmp_path / "first.json")
    second, told = push(registry, tmp_path / "second.json")
    assert second == first
    assert "Layer already exists" in told and "Pushed" not in told
    image = first["images"]["processing"]
    assert image["uri_by_digest"].startswith(f"{registry}/sagemaker-huggingface-processing@sha256:")
    assert image["base_digest"].startswith("sha256:")
    assert image["versions"]["duckdb"]
    docker("rmi", image["uri"], f"{image['uri']}-{image['revision']}")
    docker("pull", image["uri_by_digest"])
    told_inside = json.loads(docker("run", "--rm", image["uri_by_digest"], "--version"))
    assert {name: told_inside[name] for name in ("version", "revision", "base", "base_digest")} == {
        name: image[name] for name in ("version", "revision", "base", "base_digest")
    }
    docker("rmi", image["uri_by_digest"])
