"""The request that SDK v2 sends to AWS for a team's own script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest
from service_model import errors_of

from training import user_script

# Warnings of the SDK's imports.
pytestmark = pytest.mark.filterwarnings("ignore")

ROLE = "arn:aws:iam::123456789012:role/jobs"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-huggingface-training:1"
# moto has only older instance types.
INSTANCE = "ml.g4dn.xlarge"


@pytest.fixture
def sent(aws: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """The CreateTrainingJob request for a script that torchrun starts with two processes."""
    from sagemaker.session import Session

    from examples import sdk_v2_script

    monkeypatch.setattr("time.sleep", lambda _: None)
    (tmp_path / "fine_tune.py").write_text("")
    boto3.client("s3").create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client, requests = boto3.client("sagemaker"), []
    client.meta.events.register("before-parameter-build.sagemaker", lambda params, **_: requests.append(params))
    sdk_v2_script.run(
        IMAGE,
        ROLE,
        str(tmp_path),
        "fine_tune.py",
        "s3://bucket/train",
        "s3://bucket/out",
        {"text": "a"},
        processes=2,
        instance_type=INSTANCE,
        session=Session(sagemaker_client=client, default_bucket="bucket"),
    )
    return requests[0]


def test_the_script_request_is_valid_by_the_service_description(sent: dict[str, Any]) -> None:
    assert errors_of("CreateTrainingJob", sent) == []


def test_the_image_would_run_the_script_by_torchrun(sent: dict[str, Any]) -> None:
    given = sent["HyperParameters"]
    assert user_script.is_requested(given, {})
    assert user_script.launchers(given) == {"sagemaker_torch_distributed_enabled": "torchrun"}
    assert given["sagemaker_mpi_num_of_processes_per_host"] == "2"
    assert given["sagemaker_submit_directory"].startswith('"s3://bucket/')
    # The SDK quotes the hyperparameters of a script as JSON.
    assert given["text"] == '"a"'
