"""The state machine: its form by cfn-lint, the requests of its states by the service description."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from service_model import errors_of

from examples.account import Account
from examples.step_functions import definition

ROLE = "arn:aws:iam::123456789012:role/jobs"
HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
IMAGES = {name: f"{HOST}/sagemaker-huggingface-{name}:1" for name in ("processing", "training", "inference")}
OPERATIONS = {"Process": "CreateProcessingJob", "Train": "CreateTrainingJob", "CreateModel": "CreateModel"}


@pytest.fixture
def machine() -> dict[str, Any]:
    return definition(IMAGES, Account(ROLE), "s3://b/reviews")


def run(value: Any) -> Any:
    """A state's parameters as Step Functions sends them: fields whose name ends in .$ have what their path leads to."""
    if isinstance(value, dict):
        paths = {"$$.Execution.Name": "run-1", "$.ModelArtifacts.S3ModelArtifacts": "s3://b/model.tar.gz"}
        return {
            key.removesuffix(".$"): paths[inner] if key.endswith(".$") else run(inner) for key, inner in value.items()
        }
    return [run(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("state", list(OPERATIONS))
def test_the_request_of_every_state_is_valid(machine: dict[str, Any], state: str) -> None:
    request = run(machine["States"][state]["Parameters"])
    assert errors_of(OPERATIONS[state], request) == []
    action = machine["States"][state]["Resource"].rpartition(":")[2].removesuffix(".sync")
    assert action[:1].upper() + action[1:] == OPERATIONS[state]


def test_the_states_run_one_after_the_other_and_wait_for_their_jobs(machine: dict[str, Any]) -> None:
    order, state = [], machine["StartAt"]
    while state:
        order.append(state)
        state = machine["States"][state].get("Next")
    assert order == list(OPERATIONS)
    waits = [machine["States"][state]["Resource"].endswith(".sync") for state in order]
    assert waits == [True, True, False]
    model = run(machine["States"]["CreateModel"]["Parameters"])
    assert model["PrimaryContainer"]["ModelDataUrl"] == "s3://b/model.tar.gz"


@pytest.mark.parametrize(("change", "status"), [({}, 0), ({"StartAt": "Nowhere"}, 2), ({"States": {}}, 2)])
def test_cfn_lint_accepts_it_and_would_notice_a_broken_one(
    machine: dict[str, Any], change: dict[str, Any], status: int, tmp_path: Path
) -> None:
    properties = {"RoleArn": ROLE, "Definition": machine | change}
    resources = {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}
    template = tmp_path / "template.json"
    template.write_text(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}))
    command: list[str | Path] = [Path(sys.executable).with_name("cfn-lint"), template]
    linted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert linted.returncode == status, linted.stdout
