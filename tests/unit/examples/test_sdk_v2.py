"""The requests that SDK v2 sends to AWS for the examples, recorded and sent to moto."""

from __future__ import annotations

from typing import Any

import pytest
from service_model import errors_of

# Warnings of the SDK's imports.
pytestmark = pytest.mark.filterwarnings("ignore")

ROLE = "arn:aws:iam::123456789012:role/jobs"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-huggingface-training:1"
# moto has only older instance types.
INSTANCE = "ml.g4dn.xlarge"


@pytest.fixture
def session(sagemaker_client: Any) -> Any:
    from sagemaker.session import Session

    return Session(sagemaker_client=sagemaker_client)


def train(session: Any, **capacity: Any) -> None:
    from examples import sdk_v2

    hyperparameters = {"epochs": 3, "run_name": 'two "words"', "note": ""}
    sdk_v2.train(
        IMAGE, ROLE, "s3://b/prepared", "s3://b/model", "s3://b/out", hyperparameters, session=session, **capacity
    )


def valid(sent: dict[str, dict[str, Any]], operation: str) -> dict[str, Any]:
    """The request for `operation`, after validation."""
    assert errors_of(operation, sent[operation]) == []
    return sent[operation]


def test_processing(session: Any, sent: dict[str, dict[str, Any]]) -> None:
    from examples import sdk_v2

    # The SDK reads the instances while it waits, and moto does not store them.
    with pytest.raises(KeyError, match="ProcessingResources"):
        sdk_v2.process(IMAGE, ROLE, "s3://b/raw", "s3://b/model", "s3://b/prepared", ["--seed", "1"], session=session)
    request = valid(sent, "CreateProcessingJob")
    assert request["AppSpecification"]["ContainerArguments"][-2:] == ["--seed", "1"]
    assert [place["S3Input"]["S3Uri"] for place in request["ProcessingInputs"]] == ["s3://b/raw", "s3://b/model"]


def test_training_on_spot(session: Any, sent: dict[str, dict[str, Any]]) -> None:
    from examples.metric_definitions import METRIC_DEFINITIONS
    from examples.sdk_v2_capacity import spot

    train(session, **spot("s3://b/checkpoints/first"))
    request = valid(sent, "CreateTrainingJob")
    assert request["EnableManagedSpotTraining"] is True
    assert request["StoppingCondition"]["MaxWaitTimeInSeconds"] >= request["StoppingCondition"]["MaxRuntimeInSeconds"]
    assert request["CheckpointConfig"]["S3Uri"] == "s3://b/checkpoints/first"
    assert request["AlgorithmSpecification"]["MetricDefinitions"] == METRIC_DEFINITIONS
    assert request["HyperParameters"] == {"epochs": "3", "run_name": 'two "words"', "note": ""}


def test_training_in_a_warm_pool(session: Any, sent: dict[str, dict[str, Any]]) -> None:
    from examples.sdk_v2_capacity import warm_pool

    train(session, **warm_pool())
    request = valid(sent, "CreateTrainingJob")
    assert request["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 600
    assert "EnableManagedSpotTraining" not in request


def test_a_real_time_endpoint(session: Any, sent: dict[str, dict[str, Any]]) -> None:
    from examples import sdk_v2

    sdk_v2.deploy(IMAGE, ROLE, "s3://b/model.tar.gz", INSTANCE, session=session)
    assert valid(sent, "CreateModel")["PrimaryContainer"]["ModelDataUrl"] == "s3://b/model.tar.gz"
    [variant] = valid(sent, "CreateEndpointConfig")["ProductionVariants"]
    assert (variant["InstanceType"], variant["InitialInstanceCount"]) == (INSTANCE, 1)
    assert variant["InferenceAmiVersion"] == "al2-ami-sagemaker-inference-gpu-3-1"
    valid(sent, "CreateEndpoint")


def generic_model(session: Any) -> Any:
    from sagemaker.model import Model
    from sagemaker.predictor import Predictor

    return Model(IMAGE, "s3://b/model.tar.gz", ROLE, predictor_cls=Predictor, sagemaker_session=session)


def test_a_serverless_endpoint(session: Any, sent: dict[str, dict[str, Any]]) -> None:
    from examples.sdk_v2_capacity import deploy_serverless

    deploy_serverless(generic_model(session))
    [variant] = valid(sent, "CreateEndpointConfig")["ProductionVariants"]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 4096, "MaxConcurrency": 8}
    assert "InstanceType" not in variant
    assert "VpcConfig" not in sent["CreateModel"]


def test_an_asynchronous_endpoint(session: Any, sent: dict[str, dict[str, Any]]) -> None:
    from examples.sdk_v2_capacity import deploy_asynchronous

    deploy_asynchronous(generic_model(session), "s3://b/queue", INSTANCE)
    config = valid(sent, "CreateEndpointConfig")["AsyncInferenceConfig"]
    assert config["OutputConfig"] == {"S3OutputPath": "s3://b/queue/answers", "S3FailurePath": "s3://b/queue/failures"}


def test_batch_transform(session: Any, sent: dict[str, dict[str, Any]]) -> None:
    from examples import sdk_v2

    sdk_v2.transform(IMAGE, ROLE, "s3://b/model.tar.gz", "s3://b/lines", "s3://b/answers", session=session)
    request = valid(sent, "CreateTransformJob")
    assert request["BatchStrategy"] == "MultiRecord"
    assert request["TransformOutput"]["AssembleWith"] == "Line"
