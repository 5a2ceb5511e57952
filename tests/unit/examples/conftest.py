"""AWS as simulated by moto."""

from __future__ import annotations

from collections.abc import Iterator

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
