"""The real images by SDK v3, in its own environment: in local mode, and its requests to AWS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from containers.bucket import BUCKET, keys, read
from containers.conftest import ROOT
from service_model import errors_of

from contract.local_server import free_port
from examples.account import INFERENCE_AMI

ROLE = "arn:aws:iam::123456789012:role/jobs"
URI = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-huggingface-training:1"
# moto has only older instance types.
INSTANCE = "ml.g4dn.xlarge"
HYPERPARAMETERS: dict[str, Any] = {
    "epochs": 3,
    "train_batch_size": 16,
    "learning_rate": 1e-3,
    "run_name": 'a "quoted" name with spaces and $HOME',
    "project": "",
}

pytestmark = pytest.mark.skipif(not shutil.which("docker-compose"), reason="SDK local mode needs docker-compose")


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python interpreter with SDK v3; creates its environment if it is missing."""
    made = subprocess.run(
        ["make", "--silent", ".venv-sdk3/.ready", f"PYTHON={sys.executable}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return ROOT / ".venv-sdk3" / "bin" / "python"


def run(python: Path, folder: Path, *arguments: str) -> str:
    """Run SDK v3's Python in `folder`; returns its output."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [python, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def launch(python: Path, folder: Path, command: str, *arguments: str) -> None:
    run(python, folder, "-m", "examples.sdk_v3", "--instance-type", "local", command, "--role", ROLE, *arguments)


def call(python: Path, folder: Path, name: str, **given: Any) -> Any:
    """The result of the function `name` of sdk_v3_calls.py."""
    script = str(Path(__file__).with_name("sdk_v3_calls.py"))
    return json.loads(run(python, folder, script, name, json.dumps(given)).splitlines()[-1])


@pytest.fixture(scope="module")
def prepared(python: Path, images: dict[str, str], uploaded: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    output = f"s3://{BUCKET}/sdk3"
    where = ["--image", images["processing"], "--data", f"{uploaded}/raw", "--tokenizer", f"{uploaded}/model"]
    arguments = ["--max-length", "64", "--label-threshold", "4", "--label-names", "NEGATIVE,POSITIVE"]
    folder = tmp_path_factory.mktemp("sdk3-processing")
    launch(python, folder, "process", *where, "--output", output, "--", *arguments)
    return output


@pytest.fixture(scope="module")
def trained(
    python: Path, images: dict[str, str], prepared: str, uploaded: str, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder with model.tar.gz and output.tar.gz of a training."""
    folder = tmp_path_factory.mktemp("sdk3-training")
    where = ["--image", images["training"], "--prepared", prepared, "--model", f"{uploaded}/model"]
    settings = ["--output", f"s3://{BUCKET}/sdk3-models", "--hyperparameters", json.dumps(HYPERPARAMETERS)]
    launch(python, folder, "train", *where, *settings)
    return folder / "compressed_artifacts"


def test_processing_writes_splits_and_a_report(client: Any, prepared: str) -> None:
    assert json.loads(read(client, "sdk3/report/report.json"))["rows"]["kept"] > 1000
    assert all("state.json" in keys(client, f"sdk3/{split}/") for split in ("train", "validation", "test"))


def test_hyperparameters_arrive_intact_and_the_model_learns(trained: Path) -> None:
    with tarfile.open(trained / "output.tar.gz") as tar:
        [name] = [name for name in tar.getnames() if name.endswith("data/metrics.json")]
        file = tar.extractfile(name)
        assert file
        told = json.load(file)
    assert told["metrics"]["eval_accuracy"] >= 0.85
    assert {name: told["hyperparameters"][name] for name in ("run_name", "project")} == {
        name: HYPERPARAMETERS[name] for name in ("run_name", "project")
    }


def test_a_deployed_model_answers(
    python: Path, images: dict[str, str], client: Any, trained: Path, tmp_path: Path
) -> None:
    client.upload_file(str(trained / "model.tar.gz"), BUCKET, "sdk3-models/model.tar.gz")
    texts = ["The handle is superb. I would buy this tent again.", "The zip is dreadful. I sent this tent back."]
    where = {"model_data": f"s3://{BUCKET}/sdk3-models/model.tar.gz", "port": free_port(), "root": str(tmp_path)}
    answers = call(python, tmp_path, "host", image=images["inference"], texts=texts, **where)
    assert [answer["label"] for answer in answers] == ["POSITIVE", "NEGATIVE"]


def test_every_request_is_valid_by_the_service_description(python: Path, s3: str, tmp_path: Path) -> None:
    sent = call(python, tmp_path, "send", image=URI, instance_type=INSTANCE)
    made = [(operation, request) for operation, request in sent if operation.startswith("Create")]
    assert [operation for operation, _ in made] == [
        "CreateTrainingJob",
        "CreateTrainingJob",
        "CreateModel",
        "CreateEndpointConfig",
        "CreateEndpoint",
        "CreateProcessingJob",
    ]
    assert [errors_of(operation, request) for operation, request in made] == [[] for _ in made]
    (_, spot), (_, warm) = made[:2]
    assert spot["HyperParameters"] == {"epochs": "3", "note": 'two "words"', "empty": ""}
    assert spot["CheckpointConfig"]["S3Uri"] == "s3://jobs/out/checkpoints"
    assert (spot["EnableManagedSpotTraining"], warm["EnableManagedSpotTraining"]) == (True, False)
    kept = [request["ResourceConfig"].get("KeepAlivePeriodInSeconds") for request in (spot, warm)]
    assert kept == [None, 600]
    # By ModelBuilder: the image as it is, with the model that training wrote.
    container, [deployed] = made[2][1]["PrimaryContainer"], made[3][1]["ProductionVariants"]
    assert (container["Image"], container["ModelDataUrl"]) == (URI, "s3://jobs/model/model.tar.gz")
    assert (deployed["InstanceType"], deployed["InferenceAmiVersion"]) == (INSTANCE, INFERENCE_AMI)
