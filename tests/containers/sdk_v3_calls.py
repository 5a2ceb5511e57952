"""Calls of SDK v3 that tests run in its own environment: python sdk_v3_calls.py host|send; input and output are JSON.

host: deploy an image in local mode, invoke it, and delete it. Prints the predictions.
send: launch everything for AWS. Prints each operation with its request.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse

ROLE = "arn:aws:iam::123456789012:role/jobs"


def host(image: str, model_data: str, port: int, root: str, texts: list[str]) -> Any:
    from sagemaker.core.local.local_session import LocalSession

    from examples import sdk_v3

    session = LocalSession()
    session.config = {"local": {"container_root": root, "serving_port": port}}
    sdk_v3.host(image, ROLE, model_data, "sdk3", session)
    try:
        asked = {"Body": json.dumps({"inputs": texts}), "ContentType": "application/json", "EndpointName": "sdk3"}
        return json.loads(session.sagemaker_runtime_client.invoke_endpoint(**asked)["Body"].read())
    finally:
        session.sagemaker_client.delete_endpoint(EndpointName="sdk3")


def role() -> str:
    """Create a role that SageMaker can assume, which v3 checks before training."""
    statement = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return str(boto3.client("iam").create_role(RoleName="jobs", AssumeRolePolicyDocument=trust)["Role"]["Arn"])


def allowed(**_: Any) -> tuple[Any, dict[str, Any]]:
    """Answer SimulatePrincipalPolicy, which v3 calls before training and moto does not have: the role is allowed."""
    return AWSResponse("", 200, {}, None), {"EvaluationResults": []}


def send(image: str, instance_type: str) -> list[tuple[str, dict[str, Any]]]:
    from pydantic import ValidationError
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.training.configs import Networking

    from examples import sdk_v3

    sent: list[tuple[str, dict[str, Any]]] = []

    def catch(params: dict[str, Any], model: Any, **_: Any) -> None:
        sent.append((model.name, params))

    session = boto3.Session()
    session.events.register("before-parameter-build.sagemaker", catch)
    session.events.register("before-call.iam.SimulatePrincipalPolicy", allowed)
    made: dict[str, Any] = {"instance_type": instance_type, "session": Session(boto_session=session)}
    arn, prepared, model = role(), "s3://jobs/prepared", "s3://jobs/model"
    hyperparameters = {"epochs": 3, "note": 'two "words"', "empty": ""}
    for spot in (True, False):
        sdk_v3.train(image, arn, prepared, model, "s3://jobs/out", hyperparameters, spot=spot, **made)
    # moto describes a model without subnets, and an endpoint without data capture, as v3 does not expect them.
    network = Networking(subnets=["subnet-1"], security_group_ids=["sg-1"])
    with suppress(ValidationError):
        sdk_v3.deploy(image, arn, f"{model}/model.tar.gz", "sdk3", network=network, **made)
    # v3 reads the instances while it waits, and moto does not store them.
    with suppress(KeyError):
        sdk_v3.process(image, arn, "s3://jobs/raw", model, prepared, ["--seed", "1"], **made)
    return sent


if __name__ == "__main__":
    calls: dict[str, Callable[..., Any]] = {"host": host, "send": send}
    result = calls[sys.argv[1]](**json.loads(sys.argv[2]))
    print(json.dumps(result, default=str))
