"""The requests of the boto3 chain, sent to moto's SageMaker."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from examples.account import Account
from examples.boto3_launch import finished, launch

ROLE = "arn:aws:iam::123456789012:role/jobs"
IMAGES = {name: f"sagemaker-huggingface-{name}:1" for name in ("processing", "training", "inference")}


@pytest.fixture
def client(aws: None) -> Any:
    return boto3.client("sagemaker")


def test_each_job_reads_the_outputs_of_the_one_before(client: Any) -> None:
    trained = launch(client, IMAGES, Account(ROLE), "s3://jobs/reviews", "first", [], {"epochs": 1})
    processing = client.describe_processing_job(ProcessingJobName="first")
    training = client.describe_training_job(TrainingJobName="first")
    written = {output["S3Output"]["S3Uri"] for output in processing["ProcessingOutputConfig"]["Outputs"]}
    read = {channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in training["InputDataConfig"]}
    assert read - written == {"s3://jobs/reviews/model"}
    assert client.describe_model(ModelName="first")["PrimaryContainer"]["ModelDataUrl"] == trained
    assert client.describe_transform_job(TransformJobName="first")["ModelName"] == "first"


@pytest.mark.parametrize(
    ("reasons", "sentence"),
    [
        ({"ExitMessage": "unknown option --x", "FailureReason": "exit code 2"}, "unknown option --x"),
        ({"FailureReason": "no channel train"}, "no channel train"),
        ({}, "see the log for the reason"),
    ],
)
def test_a_failed_job_raises_its_reason(reasons: dict[str, str], sentence: str) -> None:
    def describe(**_: str) -> dict[str, str]:
        return {"ProcessingJobStatus": "Failed", **reasons}

    with pytest.raises(RuntimeError, match=f"ProcessingJob first: Failed: {sentence}"):
        finished(describe, "ProcessingJob", "first")
