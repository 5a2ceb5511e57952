"""Fixtures: the three images built on the stand-in, and moto's S3 at an address that containers can reach."""

from __future__ import annotations

import ipaddress
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from containers.bucket import BUCKET
from containers.engine import docker, no_engine, wait_for
from containers.mounted import SPLITS, hyperparameters, run

from contract.local_server import free_port

ROOT = Path(__file__).parents[2]
REVIEWS = 1200


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = no_engine()
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.containers)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


def build(*options: str) -> dict[str, str]:
    """Build the images by build.sh with `options`; returns the tags of three of them, by their names.

    They are the tags with the revision: that of the version moves when another clone builds on the same engine.
    """
    built = subprocess.run(
        [ROOT / "build.sh", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert built.returncode == 0, built.stdout[-4000:]
    tags = [line for line in built.stdout.splitlines() if line.startswith("sagemaker-huggingface-")][1::2]
    return {name: next(tag for tag in tags if name in tag) for name in ("processing", "training", "inference")}


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """The images on the stand-ins of the generation that IMAGE_BASE names."""
    return build("--base", os.environ.get("IMAGE_BASE", "standin"))


@pytest.fixture(scope="session")
def bridge() -> str:
    """Address of this machine for containers: the first of the default bridge's subnet."""
    subnet = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}")
    return str(ipaddress.ip_network(subnet)[1])


@pytest.fixture(scope="session")
def s3(bridge: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run moto's server, with the environment variables for boto3 in this process and in containers."""
    port = free_port()
    endpoint = f"http://{bridge}:{port}"
    with pytest.MonkeyPatch.context() as patch, running(moto_command(bridge, port)):
        for name, value in aws_environment(endpoint, tmp_path_factory.mktemp("sdk")).items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        wait_for(f"{endpoint}/moto-api/")
        yield endpoint


def moto_command(host: str, port: int) -> list[str]:
    return [sys.executable, "-m", "moto.server", "-H", host, "-p", str(port)]


@contextmanager
def running(command: list[str]) -> Iterator[None]:
    """Run a server until the end of the tests; its log is discarded."""
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        server.terminate()
        server.wait()


def aws_environment(endpoint: str, folder: Path) -> dict[str, str]:
    config = folder / "config.yaml"
    config.write_text("SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n")
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(config),
        "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
    }


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with reviews.tsv.gz, and an untrained model with a vocabulary from it."""
    folder = tmp_path_factory.mktemp("inputs")
    script = (
        "import sys; from pathlib import Path; from examples.demo import model, reviews\n"
        "folder = Path(sys.argv[1]); raw = folder / 'raw' / 'reviews.tsv.gz'\n"
        f"reviews.write_reviews(raw, {REVIEWS}); model.write_model(folder / 'model', raw, 'review_body', 64)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], cwd=ROOT, check=True, env=dict(os.environ))
    return folder


@pytest.fixture(scope="session")
def client(s3: str) -> Any:
    import boto3

    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture(scope="session")
def session(s3: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from sagemaker.local import LocalSession

    session = LocalSession(default_bucket=BUCKET)
    root = tmp_path_factory.mktemp("local")
    session.config = {"local": {"container_root": str(root), "serving_port": free_port()}}
    return session


@pytest.fixture(scope="session")
def uploaded(client: Any, inputs: Path) -> str:
    for file in inputs.rglob("*"):
        if file.is_file():
            client.upload_file(str(file), BUCKET, f"inputs/{file.relative_to(inputs)}")
    return f"s3://{BUCKET}/inputs"


@pytest.fixture(scope="session")
def job(images: dict[str, str], inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to mount as /opt/ml, with the splits that processing wrote."""
    folder = tmp_path_factory.mktemp("ml")
    shutil.copytree(inputs / "raw", folder / "processing" / "input")
    shutil.copytree(inputs / "model", folder / "processing" / "tokenizer")
    arguments = ["--tokenizer", "/opt/ml/processing/tokenizer", "--max-length", "64", "--label-threshold", "4"]
    finished = run(images["processing"], folder, *arguments, "--label-names", "NEGATIVE,POSITIVE")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder


@pytest.fixture(scope="session")
def trained(images: dict[str, str], inputs: Path, job: Path) -> Path:
    for name in SPLITS:
        shutil.copytree(job / "processing" / name, job / "input" / "data" / name)
    shutil.copytree(inputs / "model", job / "input" / "data" / "model")
    hyperparameters(job, epochs="3", train_batch_size="16", learning_rate="1e-3")
    finished = run(images["training"], job)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return job


@pytest.fixture(scope="session", autouse=True)
def swept() -> Iterator[None]:
    """Remove the exited containers that local mode leaves."""
    yield
    if no_engine() is None:
        # The names of SDK v2, and of v3, which are those of docker-compose in a folder of the tests.
        names = ("name=^[a-z0-9]{10}-algo-[0-9]+-[a-z0-9]{5}$", "name=^sdk3-training[0-9]+_algo-[0-9]+_1$")
        filters = [part for name in names for part in ("--filter", name)]
        for identity in docker("ps", "-aq", "--filter", "status=exited", *filters).split():
            docker("rm", identity, check=False)
