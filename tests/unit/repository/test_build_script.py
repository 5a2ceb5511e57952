"""build.sh --dry-run prints its commands, and impossible requests are one sentence."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def client(tmp_path: Path) -> Path:
    """A replacement for the Docker client, whose --help has BuildKit's options, which is enough for a dry run."""
    script = tmp_path / "docker"
    script.write_text('#!/bin/sh\ncase "$1" in buildx) exit 1;; build) echo "--secret";; esac\n')
    script.chmod(0o755)
    return script


def build(client: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DOCKER": str(client), "AWS_REGION": "us-east-1"}
    return subprocess.run(
        [ROOT / "build.sh", "--dry-run", *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_a_dry_run_prints_one_build_for_each_image(client: Path) -> None:
    finished = build(client)
    assert finished.returncode == 0, finished.stderr
    pattern = r"^\+ .* --build-arg IMAGE=(\w+) --target (\w+) --file images/Dockerfile \.$"
    builds = re.findall(pattern, finished.stderr, re.MULTILINE)
    assert builds == [(name, name) for name in ("processing", "training", "inference")]
    assert "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-training" in finished.stderr


@pytest.mark.parametrize(
    ("region", "account", "suffix"),
    [
        ("us-east-1", "763104351884", "amazonaws.com"),
        ("eu-central-1", "763104351884", "amazonaws.com"),
        ("me-south-1", "217643126080", "amazonaws.com"),
        ("us-gov-west-1", "442386744353", "amazonaws.com"),
        ("cn-north-1", "727897471807", "amazonaws.com.cn"),
    ],
)
def test_a_push_names_accounts_repositories_version_and_revision(
    client: Path, region: str, account: str, suffix: str
) -> None:
    registry, base = f"123456789012.dkr.ecr.{region}.{suffix}", f"{account}.dkr.ecr.{region}.{suffix}"
    finished = build(client, "--push", "--allow-dirty", "--registry", registry, "--region", region)
    assert finished.returncode == 0, finished.stderr
    repositories = [f"sagemaker-huggingface-{image}" for image in ("processing", "training", "inference")]
    pushed = re.findall(r"^\+ \S+ push (\S+):(\S+)$", finished.stderr, re.MULTILINE)
    assert [name for name, _ in pushed] == [f"{registry}/{name}" for name in repositories for _ in range(2)]
    for version, with_revision in zip(pushed[1::2], pushed[::2], strict=True):
        assert re.fullmatch(rf"{re.escape(version[1])}-[0-9a-f]{{12}}(-dirty)?", with_revision[1])
    assert re.findall(r"images.ecr password (\S+)", finished.stderr) == [base, registry]
    pulled = re.findall(r"pull --platform linux/amd64 (\S+):\d", finished.stderr)
    assert pulled == [f"{base}/huggingface-pytorch-{kind}" for kind in ("inference", "training")]
    prepared = re.findall(r"images.ecr prepare (\S+) (\S+)$", finished.stderr, re.MULTILINE)
    assert prepared == [(registry, name) for name in repositories]


def test_who_may_pull_and_where_the_names_are_published_is_passed_on(client: Path) -> None:
    registry = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    who = ["--pull-accounts", "111122223333", "--pull-organization", "o-abcdefghij"]
    where = ["--push", "--allow-dirty", "--registry", registry, "--region", "eu-west-1"]
    finished = build(client, *where, *who, "--publish-parameters", "ml/images", "training")
    assert finished.returncode == 0, finished.stderr
    assert f"images.ecr prepare {registry} sagemaker-huggingface-training {' '.join(who)}\n" in finished.stderr
    assert "--region eu-west-1 --publish-parameters ml/images" in finished.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--bas", "dlc"], "unknown option --bas"),
        (["--base", "local"], "--base is local, expected dlc or standin"),
        (["--version"], "option --version has no value"),
        (["trainer"], "unknown image trainer, expected one of: processing training inference"),
        (["--push"], "--push needs --registry"),
        (["--kms-key", "arn:x"], "--kms-key and --publish-parameters need --push"),
    ],
)
def test_an_impossible_request_is_one_sentence(client: Path, arguments: list[str], sentence: str) -> None:
    finished = build(client, *arguments)
    assert finished.returncode == 2
    assert sentence in finished.stderr


def test_help_names_every_option() -> None:
    text = subprocess.run([ROOT / "build.sh", "--help"], capture_output=True, text=True, check=True).stdout
    script = (ROOT / "build.sh").read_text()
    options = set(re.findall(r"^ +(?:--\w+\|)*(--[a-z-]+)\)", script, re.MULTILINE)) | {"--base", "--region"}
    assert len(options) >= 7
    assert all(option in text for option in options - {"--platform"})


def test_a_missing_buildkit_client_is_reported(tmp_path: Path) -> None:
    tools = ["bash", "env", "git", "python3", "sed", "dirname", "grep", "sort", "mkdir"]
    for tool in tools:
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    finished = subprocess.run(
        [ROOT / "build.sh", "--dry-run"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 2
    assert "no Docker client that builds with BuildKit" in finished.stderr
