"""build.sh: a dry run prints its commands, and impossible requests are one sentence."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from images.catalog import Catalog

ROOT = Path(__file__).parents[3]
NAMES = ("processing", "training", "inference", "inference-cpu")
# A replacement for the Docker client, whose --help has BuildKit's options, which is enough for a dry run.
CLIENT = (
    '#!/bin/sh\ncase "$1" in buildx|image) exit 1;; build) echo "--secret";; info) echo no engine >&2; exit 1;; esac\n'
)


@pytest.fixture
def client(tmp_path: Path) -> Path:
    return program(tmp_path / "docker", CLIENT)


def program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def build(
    client: Path, *arguments: str, dry_run: bool = True, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    variables = {"DOCKER": str(client), "PYTHON": sys.executable, **(environ or {})}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    command: list[str | Path] = [ROOT / "build.sh", *["--dry-run"] * dry_run, *arguments]
    return subprocess.run(command, env=kept | variables, capture_output=True, text=True, check=False)


def test_a_dry_run_prints_one_build_for_each_image(client: Path) -> None:
    finished = build(client)
    assert finished.returncode == 0, finished.stderr
    pattern = r"^\+ .* --build-arg IMAGE=(\S+) --build-arg PACKAGE=(\w+) --target (\w+) --file images/Dockerfile \.$"
    builds = re.findall(pattern, finished.stderr, re.MULTILINE)
    assert builds == [(name, name.partition("-")[0], name.partition("-")[0]) for name in NAMES]
    assert "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-training" in finished.stderr


def test_no_build_attaches_attestations_or_takes_another_manifest_format(client: Path) -> None:
    builds = [line for line in build(client).stderr.splitlines() if "--target" in line]
    assert len(builds) == len(NAMES)
    for line in builds:
        assert {"BUILDX_NO_DEFAULT_ATTESTATIONS=1", "BUILDAH_FORMAT=docker"} <= set(line.split())


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
    repositories = [f"sagemaker-huggingface-{image}" for image in NAMES]
    pushed = re.findall(r"^\+ \S+ push (\S+):(\S+)$", finished.stderr, re.MULTILINE)
    assert [name for name, _ in pushed] == [f"{registry}/{name}" for name in repositories for _ in range(2)]
    for version, with_revision in zip(pushed[1::2], pushed[::2], strict=True):
        assert re.fullmatch(rf"{re.escape(version[1])}-[0-9a-f]{{12}}(-dirty)?", with_revision[1])
    assert re.findall(r"login --username AWS --password-stdin (\S+)", finished.stderr) == [base, registry]
    pulled = re.findall(r"pull --platform linux/amd64 (\S+):\d", finished.stderr)
    assert pulled == [f"{base}/huggingface-pytorch-{kind}" for kind in ("inference", "inference", "training")]


def test_each_image_is_run_before_anything_is_pushed(client: Path) -> None:
    registry = ["--push", "--allow-dirty", "--registry", "localhost:5000"]
    commands = re.findall(r"^\+ \S+ (run|push)\b.* (\S+)$", build(client, *registry, "training").stderr, re.MULTILINE)
    assert commands[:2] == [("run", "--version"), ("run", "selftest")]
    assert [verb for verb, _ in commands[2:]] == ["push", "push"]
    without = build(client, *registry, "--skip-selftest", "training").stderr
    assert "--version" in without and "selftest\n" not in without


def test_a_python_without_the_libraries_of_a_push_is_refused_before_the_build(tmp_path: Path, client: Path) -> None:
    (tmp_path / "cyclonedx.py").write_text("raise ModuleNotFoundError(name=__name__)\n")
    arguments = ["--base", "standin", "--push", "--allow-dirty", "--registry", "localhost:5000"]
    finished = build(client, *arguments, environ={"PYTHONPATH": str(tmp_path)})
    assert finished.returncode == 2
    assert finished.stderr == (
        f"build.sh: {sys.executable} has no cyclonedx, which ECR and images.json need; run make setup, or set PYTHON\n"
    )


def test_an_images_json_that_cannot_be_written_is_refused_before_the_build(tmp_path: Path, client: Path) -> None:
    arguments = ["--base", "standin", "--push", "--allow-dirty", "--registry", "localhost:5000"]
    finished = build(client, *arguments, "--images-json", str(tmp_path))
    assert finished.returncode == 2
    assert finished.stderr == f"build.sh: --images-json is {tmp_path}, which is a folder; expected a file\n"


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({}, "us-east-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-3"),
        ({"AWS_DEFAULT_REGION": "eu-west-3", "AWS_REGION": "eu-west-1"}, "eu-west-1"),
    ],
)
def test_the_region_is_that_of_the_environment(client: Path, variables: dict[str, str], region: str) -> None:
    finished = build(client, "training", environ=variables)
    assert f".dkr.ecr.{region}.amazonaws.com/huggingface" in finished.stderr


@pytest.mark.parametrize(
    ("arguments", "base"),
    [
        (["--base", "dlc-next", "training"], ":2.11.0-transformers5.13.1-gpu-py312-cu130-amzn2023-sagemaker"),
        (["--base", "dlc-next", "inference"], ":2.6.0-transformers5.5.3-gpu-py312-cu124-ubuntu22.04"),
        (["inference-cpu"], ":2.6.0-transformers5.5.3-cpu-py312-ubuntu22.04"),
        (["--processing-on-cpu", "processing"], ":2.6.0-transformers5.5.3-cpu-py312-ubuntu22.04"),
        (["--base", "standin-next", "processing"], "huggingface-standin:training-next"),
    ],
)
def test_the_base_is_that_of_the_generation_and_the_device(client: Path, arguments: list[str], base: str) -> None:
    (found,) = re.findall(r"BASE_IMAGE=(\S+)", build(client, *arguments).stderr)
    assert found.endswith(base)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--bas", "dlc"], "unrecognized arguments: --bas"),
        (["--base", "local"], "argument --base: invalid choice: 'local' (choose from "),
        (["--version"], "argument --version: expected one argument"),
        (["--version", "a b"], "argument --version: 'a b' is not a tag; expected letters"),
        (["--version", "-1"], "argument --version: '-1' is not a tag"),
        (["--region", "eu"], "argument --region: 'eu' is not a region"),
        (["trainer"], f"image is 'trainer', expected one of: {', '.join(NAMES)}"),
        (
            ["--platform", "linux/amd64,linux/arm64"],
            "argument --platform: 'linux/amd64,linux/arm64' is not one platform",
        ),
        (["--push"], "--push is given without --registry"),
        (
            ["--registry", "https://r.local"],
            "argument --registry: 'https://r.local' is not a registry; expected HOST or",
        ),
        (["--registry", "127.0.0.1:5000/"], "argument --registry: '127.0.0.1:5000/' is not a registry"),
        (["--registry", "12.dkr.ecr.eu-west-1.amazonaws.com"], "--registry is '12.dkr.ecr.eu-west-1.amazonaws.com'"),
        (["--registry", "1.dkr.ecr.eu-west-1.amazonaws.com/x"], "--registry is '1.dkr.ecr.eu-west-1.amazonaws.com/x'"),
        (["--kms-key", "arn:x"], "--kms-key is given without --push"),
        (["--reconcile"], "--reconcile is given without --push"),
        (["--pull-accounts", "1234"], "argument --pull-accounts: '1234' is not an account id; expected twelve digits"),
        (
            ["--pull-organization", "acme"],
            "argument --pull-organization: 'acme' is not an organization id; expected o-",
        ),
        (["--publish-parameters", "a b"], "argument --publish-parameters: 'a b' is not a prefix of SSM parameters"),
    ],
)
def test_an_impossible_request_is_one_sentence(client: Path, arguments: list[str], sentence: str) -> None:
    finished = build(client, *arguments)
    assert finished.returncode == 2
    assert re.fullmatch(rf"build\.sh: {re.escape(sentence)}.*\n", finished.stderr)


def test_an_engine_that_cannot_be_reached_is_named_as_the_cause(client: Path) -> None:
    finished = build(client, "--base", "standin", dry_run=False)
    assert finished.returncode == 2
    assert finished.stderr.splitlines()[-1] == (
        f"build.sh: the Docker engine cannot be reached: {client} info failed: no engine; "
        "expected one that runs, for this user"
    )


def test_a_missing_buildkit_client_is_reported(tmp_path: Path) -> None:
    for tool in ("bash", "env", "git", "dirname"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    environ = {"PATH": str(tmp_path), "PYTHON": sys.executable}
    command: list[str | Path] = [ROOT / "build.sh", "--dry-run"]
    finished = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert finished.returncode == 2
    assert "no Docker client on PATH builds with BuildKit" in finished.stderr


def test_an_old_python_is_refused_with_the_ones_that_were_tried(tmp_path: Path, client: Path) -> None:
    old = program(tmp_path / "python", "#!/bin/sh\nexit 1\n")
    finished = build(client, environ={"PYTHON": str(old)})
    assert finished.returncode == 2
    assert finished.stderr == f"build.sh: none of these is Python 3.11 or later: {old}; set PYTHON to one\n"


def test_the_entry_is_for_bash_3_2() -> None:
    script = (ROOT / "build.sh").read_text()
    newer = re.findall(r"\bmapfile\b|\breadarray\b|declare -A|local -n|\$\{\w+(?:,,|\^\^|@)|&>>|\bcoproc\b", script)
    # An empty array is unset for `set -u` before bash 4.4.
    assert (newer, re.findall(r"\[@\]", script)) == ([], [])


def test_a_base_with_a_digest_is_pulled_by_it(tmp_path: Path) -> None:
    digests, reference = tmp_path / "digests.toml", Catalog.read().reference("training", "dlc")
    digests.write_text(f'[digests]\n"{reference}" = "sha256:{"a" * 64}"\n')
    catalog = Catalog.read(digests=digests)
    assert catalog.base("training", "dlc", "us-east-1").endswith(f"/{reference}@sha256:{'a' * 64}")
    assert "@" not in catalog.base("inference", "dlc", "us-east-1")
