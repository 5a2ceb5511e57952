"""AWS as simulated by moto."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from aws_keys import use_test_credentials
from moto import mock_aws

REGION = "eu-west-1"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Simulate AWS for boto3, with credentials and a region for tests."""
    use_test_credentials(monkeypatch)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield


@pytest.fixture
def sent() -> dict[str, dict[str, Any]]:
    """The requests sent to SageMaker so far, by operation."""
    return {}


@pytest.fixture
def sagemaker_client(aws: None, sent: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client whose requests are in `sent`."""

    def catch(params: dict[str, Any], model: Any, **_: Any) -> None:
        sent[model.name] = params

    # moto's jobs end at once; the SDK would wait seconds before it polls.
    monkeypatch.setattr("time.sleep", lambda _: None)
    client = boto3.client("sagemaker")
    client.meta.events.register("before-parameter-build.sagemaker", catch)
    return client
