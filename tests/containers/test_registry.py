"""Pushes to a real registry on loopback, and a job that is run by digest."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from containers.clean_engine import clean_engine
from containers.conftest import ROOT, running
from containers.engine import docker, wait_for
from containers.saved import layers_of_base

from contract.local_server import free_port

# Compressed bytes, two thirds of which are DuckDB.
MOST_PULLED = 35_000_000

pytestmark = pytest.mark.skipif(not shutil.which("docker-registry"), reason="no docker-registry on PATH")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HOST:PORT of an empty registry on loopback, for which an engine needs no certificate."""
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
    # pytest keeps its folders, and this one has the layers of an image in it.
    shutil.rmtree(folder)


def push(registry: str, output: Path) -> tuple[dict[str, Any], str]:
    """Push; returns the content of images.json, and the output of build.sh."""
    where = ["--push", "--allow-dirty", "--registry", registry, "--images-json", str(output)]
    command: list[str | Path] = [ROOT / "build.sh", "--base", "standin", *where, "processing"]
    told = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    assert told.returncode == 0, told.stderr[-4000:]
    return json.loads(output.read_text()), told.stderr


@pytest.fixture(scope="module")
def pushed(images: dict[str, str], registry: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Content of images.json after the first push."""
    return push(registry, tmp_path_factory.mktemp("pushed") / "images.json")[0]


def tags(registry: str) -> dict[str, str]:
    """Every tag in the registry, with its digest."""
    found = {}
    for repository in read(f"http://{registry}/v2/_catalog")[0]["repositories"]:
        for tag in read(f"http://{registry}/v2/{repository}/tags/list")[0]["tags"]:
            _, headers = read(f"http://{registry}/v2/{repository}/manifests/{tag}")
            found[f"{registry}/{repository}:{tag}"] = headers["Docker-Content-Digest"]
    return found


def read(url: str) -> tuple[Any, Any]:
    """The JSON at `url`, and the response headers."""
    accept = {"Accept": "application/vnd.docker.distribution.manifest.v2+json, */*"}
    with urlopen(Request(url, headers=accept), timeout=10) as answer:
        return json.loads(answer.read()), answer.headers


def test_a_second_push_changes_nothing(pushed: dict[str, Any], registry: str, tmp_path: Path) -> None:
    before = tags(registry)
    image = pushed["images"]["processing"]
    repository, _, digest = image["uri_by_digest"].partition("@")
    assert repository == f"{registry}/sagemaker-huggingface-processing"
    assert before == {image["uri"]: digest, f"{image['uri']}-{image['revision']}": digest}
    second, told = push(registry, tmp_path / "second.json")
    assert second == pushed
    assert "Layer already exists" in told and "Pushed" not in told
    assert tags(registry) == before


def test_the_layers_to_pull_beyond_the_base_are_small(pushed: dict[str, Any]) -> None:
    image = pushed["images"]["processing"]
    host, _, repository = image["uri"].rpartition(":")[0].partition("/")
    manifest, _ = read(f"http://{host}/v2/{repository}/manifests/{image['uri_by_digest'].partition('@')[2]}")
    added = [layer["size"] for layer in manifest["layers"][layers_of_base(image["uri"]) :]]
    assert len(added) > 1
    assert sum(added) < MOST_PULLED


def test_a_clean_engine_runs_a_job_by_digest(pushed: dict[str, Any], inputs: Path, tmp_path: Path) -> None:
    image = pushed["images"]["processing"]
    shutil.copytree(inputs / "raw", tmp_path / "processing" / "input")
    shutil.copytree(inputs / "model", tmp_path / "processing" / "tokenizer")
    arguments = ["--tokenizer", "/opt/ml/processing/tokenizer", "--max-length", "64", "--label-threshold", "4"]
    with clean_engine() as host:
        assert docker("--host", host, "images", "--quiet") == ""
        docker("--host", host, "pull", image["uri_by_digest"])
        run = ["--host", host, "run", "--rm", "--network", "none"]
        told = json.loads(docker(*run, image["uri_by_digest"], "--version"))
        docker(*run, "--volume", f"{tmp_path}:/opt/ml", image["uri_by_digest"], *arguments)
    recorded = ("version", "revision", "base", "base_digest")
    assert {name: told[name] for name in recorded} == {name: image[name] for name in recorded}
    assert told["libraries"] == image["versions"]
    assert image["base_digest"].startswith("sha256:") and image["versions"]["duckdb"]
    report = json.loads((tmp_path / "processing" / "report" / "report.json").read_text())
    assert report["rows"]["kept"] > 1000
