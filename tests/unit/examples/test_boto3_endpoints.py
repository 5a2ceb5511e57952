"""Requests for endpoints in use, validated by the service description."""

from __future__ import annotations

from typing import Any

import pytest
from service_model import errors_of

from examples import boto3_endpoints as endpoints
from examples import boto3_jobs as jobs
from examples.account import Account, Request

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-huggingface-inference@sha256:" + "a" * 64
KEY = "arn:aws:kms:eu-west-1:123456789012:key/0a"
ROLE = "arn:aws:iam::123456789012:role/jobs"
ACCOUNT = Account(ROLE, KEY, ("subnet-1",), ("sg-1",))
CONFIG = jobs.real_time("e", "m", ACCOUNT, "ml.m5.xlarge")


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("CreateEndpointConfig", endpoints.with_capture(CONFIG, "s3://b/captured", 20)),
        ("CreateEndpointConfig", endpoints.with_shadow(CONFIG, "candidate")),
        ("CreateEndpointConfig", endpoints.component_host("host", ACCOUNT)),
        ("CreateInferenceComponent", endpoints.component("component", "endpoint", "m")),
        ("CreateModelPackage", endpoints.model_package("reviews", IMAGE, "s3://b/model.tar.gz", "s3://b/quality.json")),
    ],
    ids=["capture", "shadow", "host", "component", "package"],
)
def test_every_request_is_valid_by_the_service_description(operation: str, request_: Request) -> None:
    assert errors_of(operation, request_) == []


def test_bodies_of_every_text_type_are_captured_as_text() -> None:
    capture = endpoints.with_capture(CONFIG, "s3://b/captured", 20)["DataCaptureConfig"]
    types = [kind for listed in capture["CaptureContentTypeHeader"].values() for kind in listed]
    assert sorted(types) == ["application/json", "application/jsonlines", "text/csv"]
    assert (capture["InitialSamplingPercentage"], capture["KmsKeyId"]) == (20, KEY)
    assert "KmsKeyId" not in endpoints.with_capture(jobs.serverless("e", "m"), "s3://b/c")["DataCaptureConfig"]


def test_a_shadow_gets_copies_of_a_share_of_the_requests() -> None:
    config = endpoints.with_shadow(CONFIG, "candidate", "ml.g5.xlarge", 0.1)
    [shadow], [produced] = config["ShadowProductionVariants"], config["ProductionVariants"]
    assert (shadow["ModelName"], produced["ModelName"]) == ("candidate", "m")
    assert shadow["InitialVariantWeight"] / produced["InitialVariantWeight"] == pytest.approx(0.1)
    assert shadow["VariantName"] != produced["VariantName"]
    assert "ShadowProductionVariants" not in CONFIG


@pytest.mark.parametrize(("labels", "kind"), [(["a", "b"], "binary"), (["a", "b", "c"], "multiclass")])
def test_the_cards_metrics_are_the_model_quality(labels: list[str], kind: str) -> None:
    card: dict[str, Any] = {
        "label_names": labels,
        "training": {"metrics": {"eval_accuracy": 0.9, "eval_f1": 0.8, "eval_loss": 0.3}},
    }
    expected = {f"{kind}_classification_metrics": {"accuracy": {"value": 0.9}, "f1": {"value": 0.8}}}
    assert endpoints.model_quality(card) == expected
