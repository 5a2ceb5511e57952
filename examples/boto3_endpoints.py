"""Requests of boto3 for endpoints in use: data capture, a shadow variant, inference components, the model registry.

    client.create_endpoint_config(**with_capture(jobs.real_time("e", "m", account), "s3://b/captured"))

examples/boto3_jobs.py has the requests that these extend.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from examples.account import Account, Request
from examples.boto3_jobs import variant

JSON, LINES, CSV = "application/json", "application/jsonlines", "text/csv"
# Metrics of the model's card, with the names that SageMaker's model quality has for them.
QUALITY = {"eval_accuracy": "accuracy", "eval_f1": "f1", "eval_precision": "precision", "eval_recall": "recall"}


def with_capture(config: Request, output: str, percentage: int = 100) -> Request:
    """`config`, a request of create_endpoint_config, with requests and responses captured below the S3 prefix `output`.

    Bodies of the listed content types are captured as text, which Model Monitor parses; others as base64.
    """
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": percentage,
        "DestinationS3Uri": output,
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": [CSV], "JsonContentTypes": [JSON, LINES]},
    }
    return config | {"DataCaptureConfig": capture | ({"KmsKeyId": config["KmsKeyId"]} if "KmsKeyId" in config else {})}


def with_shadow(config: Request, model: str, instance_type: str = "ml.g5.xlarge", share: float = 0.5) -> Request:
    """`config`, a request of create_endpoint_config, with a variant that gets copies of requests and answers nobody.

    Args:
        share: share of the requests that are copied to the model `model`.
    """
    shadow = variant(model, instance_type) | {"VariantName": "shadow", "InitialVariantWeight": share}
    produced = [each | {"InitialVariantWeight": 1.0} for each in config["ProductionVariants"]]
    return config | {"ProductionVariants": produced, "ShadowProductionVariants": [shadow]}


def component_host(name: str, account: Account, instance_type: str = "ml.g5.12xlarge", most: int = 4) -> Request:
    """Request of create_endpoint_config for an endpoint whose instances inference components share.

    Args:
        most: largest number of instances.
    """
    hosts = {key: value for key, value in variant("", instance_type).items() if key != "ModelName"}
    scaling = {"Status": "ENABLED", "MinInstanceCount": 1, "MaxInstanceCount": most}
    return {
        "EndpointConfigName": name,
        "ExecutionRoleArn": account.role,
        "ProductionVariants": [hosts | {"ManagedInstanceScaling": scaling}],
        "EnableNetworkIsolation": account.isolated,
        **account.key(instance_type),
        **account.vpc(),
    }


def component(name: str, endpoint: str, model: str, gpus: int = 1, memory_mb: int = 8192, copies: int = 1) -> Request:
    """Request of create_inference_component: `copies` of `model`, each with its share of an instance of `endpoint`."""
    needs = {"NumberOfAcceleratorDevicesRequired": gpus, "MinMemoryRequiredInMb": memory_mb}
    return {
        "InferenceComponentName": name,
        "EndpointName": endpoint,
        "VariantName": "all",
        "Specification": {"ModelName": model, "ComputeResourceRequirements": needs},
        "RuntimeConfig": {"CopyCount": copies},
    }


def model_package(group: str, image: str, model_data: str, quality: str) -> Request:
    """Request of create_model_package: registers a model, with its metrics, for somebody to approve.

    Args:
        quality: S3 URI of a file with `model_quality`.
    """
    return {
        "ModelPackageGroupName": group,
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [{"Image": image, "ModelDataUrl": model_data}],
            "SupportedContentTypes": [JSON, LINES, CSV],
            "SupportedResponseMIMETypes": [JSON, LINES, CSV],
        },
        "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": JSON, "S3Uri": quality}}},
    }


def model_quality(card: Mapping[str, Any]) -> Request:
    """The metrics of a model's card.json, as the model registry shows them under model quality.

    Source of the form: SageMaker Developer Guide, "Model Quality Metrics and Amazon CloudWatch Monitoring".
    """
    kind = "binary_classification_metrics" if len(card["label_names"]) == 2 else "multiclass_classification_metrics"
    metrics = card["training"]["metrics"]
    return {kind: {name: {"value": metrics[key]} for key, name in QUALITY.items() if key in metrics}}
