"""Requests of boto3's SageMaker client for jobs, models and endpoints: client.create_training_job(**request).

examples/boto3_launch.py sends them.
"""

from __future__ import annotations

from collections.abc import Mapping

from examples.account import INFERENCE_AMI, TRANSFORM_AMI, Account, Request, ami_version
from examples.metric_definitions import METRIC_DEFINITIONS

INPUT = "/opt/ml/processing/input"
TOKENIZER = "/opt/ml/processing/tokenizer"
SPLITS = ("train", "validation", "test")
LINES = "application/jsonlines"
DAY = 24 * 3600


def processing_job(
    name: str,
    image: str,
    account: Account,
    data: str,
    tokenizer: str,
    output: str,
    arguments: list[str],
    instance_type: str = "ml.m5.4xlarge",
    instance_count: int = 1,
) -> Request:
    """Request of create_processing_job: raw text below the prefix `data` to splits and report below `output`."""
    cluster = account.cluster(instance_type, instance_count) | {"VolumeSizeInGB": 100}
    return {
        "ProcessingJobName": name,
        "RoleArn": account.role,
        "AppSpecification": {
            "ImageUri": image,
            "ContainerEntrypoint": ["python", "-m", "processing"],
            "ContainerArguments": ["--tokenizer", TOKENIZER, *arguments],
        },
        "ProcessingInputs": [
            processing_input("data", data, INPUT),
            processing_input("tokenizer", tokenizer, TOKENIZER),
        ],
        "ProcessingOutputConfig": {
            "Outputs": [processing_output(split, output) for split in (*SPLITS, "report")],
            **account.key(),
        },
        "ProcessingResources": {"ClusterConfig": cluster},
        "NetworkConfig": {"EnableNetworkIsolation": account.isolated, **account.vpc()},
        "StoppingCondition": {"MaxRuntimeInSeconds": DAY},
    }


def processing_input(name: str, uri: str, path: str) -> Request:
    """An input of a processing job: S3 prefix `uri`, downloaded to `path`."""
    source = {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": source}


def processing_output(name: str, prefix: str) -> Request:
    """An output of a processing job, uploaded below the S3 prefix."""
    target = {"S3Uri": f"{prefix}/{name}", "LocalPath": f"/opt/ml/processing/{name}", "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "S3Output": target}


def training_job(
    name: str,
    image: str,
    account: Account,
    prepared: str,
    model: str,
    output: str,
    hyperparameters: Mapping[str, object],
    spot: bool = True,
    instance_type: str = "ml.g5.xlarge",
    instance_count: int = 1,
) -> Request:
    """Request of create_training_job: fine-tune `model` on the splits below the S3 prefix `prepared`.

    Args:
        spot: managed spot training: after an interruption the job resumes from its checkpoints. Without it the
            instances are kept in a warm pool for the next job; SageMaker does not support both.
    """
    channels = {split: f"{prepared}/{split}" for split in SPLITS} | {"model": model}
    cluster = account.cluster(instance_type, instance_count) | {"VolumeSizeInGB": 100}
    return {
        "TrainingJobName": name,
        "RoleArn": account.role,
        "AlgorithmSpecification": {
            "TrainingImage": image,
            "TrainingInputMode": "File",
            "MetricDefinitions": METRIC_DEFINITIONS,
        },
        "HyperParameters": {key: str(value) for key, value in hyperparameters.items()},
        "InputDataConfig": [channel(key, uri) for key, uri in channels.items()],
        "OutputDataConfig": {"S3OutputPath": output, **account.key()},
        "CheckpointConfig": {"S3Uri": f"{output}/checkpoints/{name}", "LocalPath": "/opt/ml/checkpoints"},
        "ResourceConfig": cluster | ({} if spot else {"KeepAlivePeriodInSeconds": 600}),
        "StoppingCondition": {"MaxRuntimeInSeconds": DAY} | ({"MaxWaitTimeInSeconds": 2 * DAY} if spot else {}),
        "EnableManagedSpotTraining": spot,
        "EnableNetworkIsolation": account.isolated,
        # The hosts of a job communicate even with network isolation.
        "EnableInterContainerTrafficEncryption": instance_count > 1,
        **account.vpc(),
    }


def channel(name: str, uri: str) -> Request:
    """An input channel of a training job with the S3 prefix `uri`."""
    source = {"S3Uri": uri, "S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def model(
    name: str, image: str, account: Account, model_data: str, environment: Mapping[str, str] | None = None
) -> Request:
    """Request of create_model. A serverless endpoint needs a model without VPC and network isolation."""
    return {
        "ModelName": name,
        "ExecutionRoleArn": account.role,
        "PrimaryContainer": {"Image": image, "ModelDataUrl": model_data, "Environment": dict(environment or {})},
        "EnableNetworkIsolation": account.isolated,
        **account.vpc(),
    }


def real_time(name: str, model: str, account: Account, instance_type: str = "ml.g5.xlarge") -> Request:
    """Request of create_endpoint_config for a real-time endpoint."""
    return {
        "EndpointConfigName": name,
        "ProductionVariants": [variant(model, instance_type)],
        **account.key(instance_type),
    }


def asynchronous(name: str, model: str, account: Account, output: str, instance_type: str = "ml.g5.xlarge") -> Request:
    """Request of create_endpoint_config for an asynchronous endpoint: responses and failures go below `output`."""
    results = {"S3OutputPath": f"{output}/answers", "S3FailurePath": f"{output}/failures", **account.key()}
    config = {"OutputConfig": results, "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 8}}
    return real_time(name, model, account, instance_type) | {"AsyncInferenceConfig": config}


def variant(model: str, instance_type: str) -> Request:
    """A production variant with one instance."""
    return {
        "VariantName": "all",
        "ModelName": model,
        "InstanceType": instance_type,
        "InitialInstanceCount": 1,
        **ami_version("InferenceAmiVersion", INFERENCE_AMI, instance_type),
    }


def serverless(name: str, model: str) -> Request:
    """Request of create_endpoint_config for a serverless endpoint, on CPUs: no cost between requests.

    The model's image must be inference-cpu: serverless takes at most 10,737,418,240 bytes, those with CUDA have more.
    """
    size = {"MemorySizeInMB": 4096, "MaxConcurrency": 8}
    return {
        "EndpointConfigName": name,
        "ProductionVariants": [{"VariantName": "all", "ModelName": model, "ServerlessConfig": size}],
    }


def transform_job(
    name: str, model: str, account: Account, data: str, output: str, instance_type: str = "ml.g5.xlarge"
) -> Request:
    """Request of create_transform_job: one prediction for each line of the JSON Lines files below `data`."""
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": data}}
    return {
        "TransformJobName": name,
        "ModelName": model,
        "BatchStrategy": "MultiRecord",
        "MaxPayloadInMB": 6,
        "TransformInput": {"DataSource": source, "ContentType": LINES, "SplitType": "Line"},
        "TransformOutput": {
            "S3OutputPath": output,
            "Accept": LINES,
            "AssembleWith": "Line",
            **account.key(),
        },
        "TransformResources": {
            **account.cluster(instance_type, 1),
            **ami_version("TransformAmiVersion", TRANSFORM_AMI, instance_type),
        },
    }
