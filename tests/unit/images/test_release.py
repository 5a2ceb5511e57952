"""images.json and SSM parameters of a push."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contract.failures import UserError
from images import aws
from images.engine import Engine
from images.release import Image, by_digest, check_writable, document, publish, write

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
REPOSITORY = f"{HOST}/sagemaker-huggingface-training"


def image(digest: str = "a", version: str = "1.0.0") -> Image:
    by_digest = f"{REPOSITORY}@sha256:{digest * 64}"
    return Image("training", f"{REPOSITORY}:{version}", by_digest, "base:1", "sha256:b", 7, version, "abc", {"x": "1"})


@pytest.fixture
def ssm(aws_account: None) -> Any:
    return aws.client("ssm", "eu-west-1")


def test_parameters_name_the_image_by_digest_and_latest_moves(ssm: Any) -> None:
    assert publish(ssm, "/ml/images/", image()) == ["/ml/images/training/1.0.0", "/ml/images/training/latest"]
    assert publish(ssm, "ml/images", image()) == []
    assert publish(ssm, "ml/images", image("c", "1.1.0")) == ["/ml/images/training/1.1.0", "/ml/images/training/latest"]
    found = {
        name: ssm.get_parameter(Name=f"/ml/images/training/{name}")["Parameter"]["Value"][-1]
        for name in ("1.0.0", "1.1.0", "latest")
    }
    assert found == {"1.0.0": "a", "1.1.0": "c", "latest": "c"}


def test_the_digest_is_that_of_the_tags_own_registry() -> None:
    digests = ["localhost:5000/sagemaker-huggingface-training@sha256:1", f"{REPOSITORY}@sha256:2"]
    assert by_digest(f"{REPOSITORY}:1.0.0", digests) == f"{REPOSITORY}@sha256:2"
    with pytest.raises(UserError, match="has no digest in its registry; expected an image that was pushed"):
        by_digest("other:1.0.0", digests)


def test_images_are_found_by_name() -> None:
    found = document([image()], {})["images"]["training"]
    assert found["uri_by_digest"].startswith(f"{REPOSITORY}@sha256:")
    assert (found["versions"], found["size"], "name" in found) == ({"x": "1"}, 7, False)


def test_images_json_is_written_from_the_engines_output(tmp_path: Path) -> None:
    """With a replacement for the Docker client; the container tests use the real one."""
    labels = {
        f"org.opencontainers.image.{key}": value
        for key, value in {
            "title": "sagemaker-huggingface-training",
            "version": "1.0.0",
            "revision": "abc",
            "base.name": "base:1",
            "base.digest": "sha256:b",
        }.items()
    }
    inspected = [{"Config": {"Labels": labels}, "RepoDigests": [f"{REPOSITORY}@sha256:2"], "Size": 3}]
    (tmp_path / "inspected").write_text(json.dumps(inspected))
    inside = [{"name": name, "version": "2", "license": "MIT", "record": ""} for name in ("torch", "peft")]
    client = tmp_path / "docker"
    (tmp_path / "versions").write_text('{"version": "1.0.0", "libraries": {"torch": "2"}}')
    client.write_text(
        f'#!/bin/sh\ncase "$*" in *inspect*) cat {tmp_path}/inspected;; *history*) echo 4; echo 5;;'
        f" *--version) cat {tmp_path}/versions;; *) echo '{json.dumps(inside)}';; esac\n"
    )
    client.chmod(0o755)
    output = tmp_path / "images.json"
    assert [found.name for found in write(Engine(str(client)), output, [f"{REPOSITORY}:1.0.0"])] == ["training"]
    found = json.loads(output.read_text())["images"]["training"]
    assert found["uri_by_digest"] == f"{REPOSITORY}@sha256:2"
    assert (found["versions"], found["size"], found["revision"]) == ({"torch": "2"}, 9, "abc")
    bill = json.loads((tmp_path / found["sbom"]).read_text())
    assert {part["name"] for part in bill["components"]} == {"torch", "peft"}
    assert bill["metadata"]["component"]["bom-ref"] == found["uri_by_digest"]


def test_the_place_of_images_json_is_checked_before_the_push(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "images.json")
    with pytest.raises(UserError, match="which is a folder; expected a file"):
        check_writable(tmp_path)
    (tmp_path / "images.json").write_text('{"images": ')
    with pytest.raises(UserError, match="images.json"):
        check_writable(tmp_path / "images.json")


def test_a_push_of_one_image_keeps_the_entries_of_the_others() -> None:
    earlier = {"images": {"inference": {"uri": "x"}, "training": {"uri": "old"}}}
    found = document([image()], earlier)["images"]
    assert list(found) == ["inference", "training"]
    assert (found["inference"], found["training"]["uri"]) == ({"uri": "x"}, f"{REPOSITORY}:1.0.0")
