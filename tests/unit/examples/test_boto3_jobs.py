"""Validates every request of the boto3 examples by the service description."""

from __future__ import annotations

from typing import Any

import pytest
from service_model import errors_of

from examples import boto3_jobs as jobs
from examples.account import Account

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-huggingface-training@sha256:" + "a" * 64
ROLE = "arn:aws:iam::123456789012:role/jobs"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/0a"
PLAIN = Account(ROLE, isolated=False)
STRICT = Account(ROLE, KEY, ("subnet-1", "subnet-2"), ("sg-1",))


def training(account: Account = STRICT, **settings: Any) -> dict[str, Any]:
    hyperparameters = {"epochs": 3, "learning_rate": 5e-5, "bf16": True}
    return jobs.training_job("train", IMAGE, account, "s3://b/p", "s3://b/m", "s3://b/o", hyperparameters, **settings)


def requests(account: Account) -> dict[str, tuple[str, dict[str, Any]]]:
    """Operation and request by purpose."""
    return {
        "processing": (
            "CreateProcessingJob",
            jobs.processing_job("p", IMAGE, account, "s3://b/r", "s3://b/m", "s3://b/p", ["--max-length", "64"]),
        ),
        "spot": ("CreateTrainingJob", training(account)),
        "warm pool": ("CreateTrainingJob", training(account, spot=False, instance_count=2)),
        "model": ("CreateModel", jobs.model("m", IMAGE, account, "s3://b/model.tar.gz", {"SERVING_BATCH_SIZE": "8"})),
        "real-time": ("CreateEndpointConfig", jobs.real_time("e", "m", account)),
        "serverless": ("CreateEndpointConfig", jobs.serverless("e", "m")),
        "asynchronous": ("CreateEndpointConfig", jobs.asynchronous("e", "m", account, "s3://b/a")),
        "transform": ("CreateTransformJob", jobs.transform_job("t", "m", account, "s3://b/l", "s3://b/a")),
    }


@pytest.mark.parametrize("account", [PLAIN, STRICT], ids=["plain", "strict"])
@pytest.mark.parametrize("purpose", list(requests(PLAIN)))
def test_every_request_is_valid_by_the_service_description(purpose: str, account: Account) -> None:
    assert errors_of(*requests(account)[purpose]) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"EnableManagedSpotTraining": "yes"}, "Invalid type for parameter EnableManagedSpotTraining"),
        ({"Spot": True}, 'Unknown parameter in input: "Spot"'),
        ({"TrainingJobName": "with_underscore"}, ".TrainingJobName is 'with_underscore', expected"),
        ({"CheckpointConfig": {"S3Uri": "/opt/ml"}}, ".CheckpointConfig.S3Uri is '/opt/ml', expected"),
        ({"VpcConfig": {"Subnets": ["subnet-1"]}}, 'Missing required parameter in VpcConfig: "SecurityGroupIds"'),
        (
            {"ResourceConfig": {"InstanceType": "g5", "InstanceCount": 1, "VolumeSizeInGB": 1}},
            ".ResourceConfig.InstanceType is 'g5', expected one of",
        ),
    ],
)
def test_a_broken_field_is_found(change: dict[str, Any], complaint: str) -> None:
    found = errors_of("CreateTrainingJob", training() | change)
    assert any(complaint in line for line in found)


def test_spot_waits_longer_than_it_runs_and_a_warm_pool_is_never_spot() -> None:
    spot, warm = training(spot=True), training(spot=False)
    assert spot["StoppingCondition"]["MaxWaitTimeInSeconds"] >= spot["StoppingCondition"]["MaxRuntimeInSeconds"]
    assert (spot["EnableManagedSpotTraining"], "KeepAlivePeriodInSeconds" in spot["ResourceConfig"]) == (True, False)
    assert (warm["EnableManagedSpotTraining"], warm["ResourceConfig"]["KeepAlivePeriodInSeconds"]) == (False, 600)
    assert "MaxWaitTimeInSeconds" not in warm["StoppingCondition"]


@pytest.mark.parametrize("instance_type", ["ml.m5.4xlarge", "ml.p3.2xlarge", "ml.c6i.large"])
def test_volumes_get_the_key(instance_type: str) -> None:
    assert training(instance_type=instance_type)["ResourceConfig"]["VolumeKmsKeyId"] == KEY


NVME = ["m5d.large", "g4dn.xlarge", "g5.xlarge", "gr6.4xlarge", "g6f.large", "g6e.xlarge", "i3.large", "p4d.24xlarge"]


@pytest.mark.parametrize("instance_type", [f"ml.{name}" for name in NVME])
def test_local_nvme_storage_gets_no_key_but_results_do(instance_type: str) -> None:
    request = training(instance_type=instance_type)
    assert "VolumeKmsKeyId" not in request["ResourceConfig"]
    assert request["OutputDataConfig"]["KmsKeyId"] == KEY


@pytest.mark.parametrize(
    ("instance_type", "is_set"), [("ml.g4dn.xlarge", True), ("ml.g5.xlarge", True), ("local", False)]
)
def test_hosts_with_an_old_driver_by_default_get_a_newer_one(instance_type: str, is_set: bool) -> None:
    variant = jobs.variant("m", instance_type)
    resources = jobs.transform_job("t", "m", STRICT, "s3://b/l", "s3://b/a", instance_type)["TransformResources"]
    assert variant.get("InferenceAmiVersion") == ("al2-ami-sagemaker-inference-gpu-3-1" if is_set else None)
    assert resources.get("TransformAmiVersion") == ("al2-ami-sagemaker-batch-gpu-535" if is_set else None)
    assert "InferenceAmiVersion" not in jobs.variant("m", "ml.g6.xlarge")
