"""The definition of the pipeline that is sent to AWS; the container tests run it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from service_model import errors_of

# Warnings of the SDK's imports.
pytestmark = pytest.mark.filterwarnings("ignore")

ROLE = "arn:aws:iam::123456789012:role/jobs"
IMAGES = {
    name: f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-huggingface-{name}:1"
    for name in ("processing", "training", "inference")
}


@pytest.fixture
def steps(aws: None) -> dict[str, dict[str, Any]]:
    """The steps of the definition, by name."""
    from sagemaker.workflow.pipeline_context import PipelineSession

    from examples.sdk_v2_pipeline import pipeline

    session = PipelineSession(default_bucket="jobs")
    made = pipeline("reviews", IMAGES, ROLE, "s3://jobs/reviews", "reviews", session)
    found = json.loads(made.definition())["Steps"]
    return {step["Name"]: step for step in found}


def filled(value: Any) -> Any:
    """`value` with an S3 URI for everything that SageMaker fills in when the pipeline runs."""
    if isinstance(value, dict):
        if any(key == "Get" or key.startswith("Std:") for key in value):
            return "s3://filled/in"
        return {key: filled(inner) for key, inner in value.items()}
    return [filled(inner) for inner in value] if isinstance(value, list) else value


def references(value: Any) -> set[str]:
    """Names of the steps that `value` refers to."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if isinstance(value, dict):
        if str(value.get("Get", "")).startswith("Steps."):
            return {value["Get"].split(".")[1]}
        return set().union(*map(references, value.values()))
    return set()


@pytest.mark.parametrize(
    ("name", "operation", "generated"),
    [
        ("Process", "CreateProcessingJob", {"ProcessingJobName": "p"}),
        ("OpenCard", "CreateProcessingJob", {"ProcessingJobName": "p"}),
        ("Train", "CreateTrainingJob", {"TrainingJobName": "t"}),
    ],
)
def test_each_step_is_valid_by_the_service_description(
    steps: dict[str, dict[str, Any]], name: str, operation: str, generated: dict[str, str]
) -> None:
    assert errors_of(operation, filled(steps[name]["Arguments"]) | generated) == []


def test_each_step_reads_the_outputs_of_the_one_before(steps: dict[str, dict[str, Any]]) -> None:
    assert {name: references(steps[name]["Arguments"]) for name in steps} == {
        "Process": set(),
        "Train": {"Process"},
        "OpenCard": {"Train"},
        "Gate": {"Train", "OpenCard"},
    }


def test_the_gate_registers_what_is_accurate_enough_and_fails_on_the_rest(steps: dict[str, dict[str, Any]]) -> None:
    gate = steps["Gate"]["Arguments"]
    [condition] = gate["Conditions"]
    assert condition["Type"] == "GreaterThanOrEqualTo"
    [card] = steps["OpenCard"]["PropertyFiles"]
    assert condition["LeftValue"]["Std:JsonGet"] == {
        "PropertyFile": {"Get": f"Steps.OpenCard.PropertyFiles.{card['PropertyFileName']}"},
        "Path": "training.metrics.eval_accuracy",
    }
    [register], [fail] = gate["IfSteps"], gate["ElseSteps"]
    assert errors_of("CreateModelPackage", filled(register["Arguments"])) == []
    assert fail["Type"] == "Fail"
