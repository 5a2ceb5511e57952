"""build.sh against moto's ECR and SSM; the Docker client is a script that records its arguments.

moto does not store layers, so the tests add the images of a push to ECR themselves. The container tests
push to a real registry with a real engine.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_keys import use_test_credentials

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
ACCOUNT, REGION, VERSION = "123456789012", "eu-west-1", "7.8.9"
REGISTRY, REPOSITORY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com", "sagemaker-huggingface-training"
LABELS = {
    "title": REPOSITORY,
    "version": VERSION,
    "revision": "abc",
    "base.name": "base",
    "base.digest": "sha256:1",
}
DOCKER, INDEX = (f"application/vnd.{kind}+json" for kind in ("docker.distribution.manifest.v2", "oci.image.index.v1"))
# As an engine: `push` puts a manifest of MEDIA_TYPE into ECR, `run` fails where FAILING names its last argument.
CLIENT = """#!/bin/sh
echo "$@" >>{folder}/calls
case "$*" in
  "buildx version") exit 1;;
  "build --help") echo --secret;;
  "image inspect --format"*) echo sha256:1;;
  "image inspect"*) cat {folder}/inspected;;
  "login --username"*) cat >{folder}/password;;
  "push "*) exec {python} {folder}/put.py "$2";;
  "run "*"$FAILING") exit 3;;
  "run "*--version) echo '{{"libraries": {{}}}}';;
  "run "*selftest) ;;
  "run "*) echo '[{{"name": "torch", "version": "2"}}]';;
esac
"""
PUT = f"""
import json, os, sys
import boto3
config = {{"digest": "sha256:" + "a" * 64, "size": 1, "mediaType": "x"}}
kind = os.environ.get("MEDIA_TYPE", {DOCKER!r})
manifest = json.dumps({{"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []}})
ecr = boto3.client("ecr", region_name={REGION!r})
tag = sys.argv[1].rpartition(":")[2]
ecr.put_image(repositoryName={REPOSITORY!r}, imageManifest=manifest, imageTag=tag, imageManifestMediaType=kind)
"""


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run a moto server, to which this process and its children send all requests to AWS."""
    command = [sys.executable, "-c", "from moto.server import main; main(['-H', '127.0.0.1', '-p', '0'])"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as server:
        assert server.stderr
        line = next(line for line in server.stderr if "Running on http://127.0.0.1" in line)
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        use_test_credentials(monkeypatch)
        monkeypatch.setenv("AWS_ENDPOINT_URL", line.split("Running on ")[1].strip())
        yield
        server.terminate()


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    digest = f"{REGISTRY}/{REPOSITORY}@sha256:{'a' * 64}"
    labels = {f"org.opencontainers.image.{name}": value for name, value in LABELS.items()}
    inspected = [{"Config": {"Labels": labels}, "RepoDigests": [digest], "Size": 7}]
    (tmp_path / "inspected").write_text(json.dumps(inspected))
    client = tmp_path / "docker"
    client.write_text(CLIENT.format(folder=tmp_path, python=sys.executable))
    (tmp_path / "put.py").write_text(PUT)
    client.chmod(0o755)
    return client


def commit(folder: Path) -> None:
    """Make a git repository with one commit and no files."""
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    names = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    subprocess.run(["git", "-C", str(folder), *names, "commit", "--quiet", "--allow-empty", "-m", "one"], check=True)


def build(engine: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Push the training image."""
    engine.with_name("calls").unlink(missing_ok=True)
    where = ["--push", "--allow-dirty", "--registry", REGISTRY, "--region", REGION, "--version", VERSION]
    how = ["--images-json", str(engine.with_name("images.json")), "--publish-parameters", "ml/images"]
    who = ["--pull-accounts", "111122223333"]
    command: list[str | Path] = [ROOT / "build.sh", *where, *how, *who, "training"]
    # A commit and an empty work tree of its own: a change between two pushes would give the second another revision.
    work = engine.with_name("work")
    if not work.exists():
        commit(work)
    git = {"GIT_DIR": str(work / ".git"), "GIT_WORK_TREE": str(work)}
    fixed = {"DOCKER": str(engine), "PYTHON": sys.executable, "FAILING": "none", **git}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | fixed | environ)


def calls(engine: Path) -> list[str]:
    """The calls of the client that push, pull or tag, each with its tag."""
    told = re.findall(rf"^(push|pull|tag) .*{REPOSITORY}:(\S+)$", engine.with_name("calls").read_text(), re.MULTILINE)
    return [f"{verb} {tag}" for verb, tag in told]


def push(engine: Path) -> list[str]:
    """Push; returns the tags that the Docker client was called with."""
    finished = build(engine)
    assert finished.returncode == 0, finished.stderr
    return calls(engine)


def state() -> list[Any]:
    """Everything that build.sh writes in ECR and SSM."""
    ecr, ssm = boto3.client("ecr", region_name=REGION), boto3.client("ssm", region_name=REGION)
    named = {"repositoryName": REPOSITORY}
    parameters = ssm.get_parameters_by_path(Path="/ml/images", Recursive=True)["Parameters"]
    return [
        ecr.describe_repositories()["repositories"],
        ecr.get_repository_policy(**named)["policyText"],
        ecr.get_lifecycle_policy(**named)["lifecyclePolicyText"],
        sorted((entry["Name"], entry["Value"], entry["Version"]) for entry in parameters),
    ]


def test_a_second_push_changes_nothing_in_ecr_and_ssm(moto: None, engine: Path) -> None:
    revision, version = (call.removeprefix("push ") for call in push(engine))
    assert version == VERSION and revision.startswith(f"{VERSION}-")
    assert engine.with_name("password").read_text() == f"{ACCOUNT}-auth-token"
    before = state()
    named = json.loads(engine.with_name("images.json").read_text())
    assert push(engine) == [f"pull {revision}", f"tag {version}"]
    assert state() == before
    assert json.loads(engine.with_name("images.json").read_text()) == named
    assert [(name, number) for name, _, number in before[-1]] == [
        ("/ml/images/training/7.8.9", 1),
        ("/ml/images/training/latest", 1),
    ]


def test_an_interrupted_push_can_be_continued(moto: None, engine: Path) -> None:
    revision, version = (call.removeprefix("push ") for call in push(engine))
    ecr = boto3.client("ecr", region_name=REGION)
    ecr.batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": version}])
    assert push(engine) == [f"pull {revision}", f"tag {version}", f"push {version}"]


def test_what_sagemaker_would_refuse_gets_no_version(moto: None, engine: Path) -> None:
    finished = build(engine, MEDIA_TYPE=INDEX)
    assert finished.returncode == 2
    assert f"as {INDEX}, which SageMaker refuses; expected a client that pushes Docker v2" in finished.stderr
    (pushed,) = calls(engine)
    assert pushed.startswith(f"push {VERSION}-")
    assert not engine.with_name("images.json").exists()


@pytest.mark.parametrize("argument", ["--version", "selftest"])
def test_an_image_that_does_not_run_is_not_pushed(moto: None, engine: Path, argument: str) -> None:
    finished = build(engine, FAILING=argument)
    assert finished.returncode == 2
    assert f"{REPOSITORY}:{VERSION} fails with {argument}, see its output above; nothing was pushed" in finished.stderr
    assert calls(engine) == []
    assert boto3.client("ecr", region_name=REGION).describe_repositories()["repositories"] == []
