"""Pushes to ECR as moto simulates it, by a script in place of the Docker client."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.failures import UserError
from images import aws, push
from images.build import Build
from images.catalog import Catalog
from images.engine import Engine
from images.options import parse

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
REPOSITORY = "sagemaker-huggingface-training"
MANIFEST = (
    '{"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "layers": [],'
    ' "config": {"digest": "sha256:%s", "mediaType": "application/vnd.docker.container.image.v1+json", "size": 1}}'
)


def put(*tags: str) -> None:
    """Create the repository, with one image that has these tags."""
    ecr = aws.client("ecr", "eu-west-1")
    ecr.create_repository(registryId=HOST[:12], repositoryName=REPOSITORY)
    for tag in tags:
        ecr.put_image(repositoryName=REPOSITORY, imageManifest=MANIFEST % ("a" * 64), imageTag=tag)


def build(tmp_path: Path, revision: str) -> tuple[Build, Path]:
    """A build of training, and the file with the commands of its client."""
    log, client = tmp_path / "log", tmp_path / "docker"
    client.write_text(f'#!/bin/sh\necho "$@" >>{log}\n')
    client.chmod(0o755)
    catalog = Catalog.read()
    options = parse(["--push", "--registry", HOST, "--version", "1.0.0", "training"], {}, catalog)
    return Build(options, catalog, Engine(str(client)), revision, ()), log


def test_an_interrupted_push_is_finished_from_what_the_registry_has(aws_account: None, tmp_path: Path) -> None:
    put("1.0.0-abc")
    started, log = build(tmp_path, "abc")
    push.push_image(started, "training")
    tag = f"{HOST}/{REPOSITORY}:1.0.0"
    assert log.read_text().splitlines() == [f"pull {tag}-abc", f"tag {tag}-abc {tag}", f"push {tag}"]


def test_a_version_of_another_revision_is_refused(aws_account: None, tmp_path: Path) -> None:
    put("1.0.0", "1.0.0-abc")
    with pytest.raises(UserError, match=r"1\.0\.0 is in the registry, from another revision"):
        push.push_image(build(tmp_path, "def")[0], "training")


@pytest.mark.parametrize("revision", ["abc-dirty", "unknown"])
def test_what_no_revision_describes_is_not_taken_for_what_the_registry_has(
    aws_account: None, tmp_path: Path, revision: str
) -> None:
    put("1.0.0", f"1.0.0-{revision}")
    started, log = build(tmp_path, revision)
    with pytest.raises(UserError, match=f"1.0.0-{revision} is in the registry, maybe from other changes"):
        push.push_image(started, "training")
    assert not log.exists()


def test_no_login_where_amazons_helper_does_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text('{"credsStore": "ecr-login"}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    started, log = build(tmp_path, "abc")
    push.log_in(started, HOST)
    assert not log.exists()
