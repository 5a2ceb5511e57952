"""AWS as moto plays it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from aws_keys import use_nobodys_keys
from moto import mock_aws

REGION = "eu-west-1"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Credentials and a region that are nobody's; whatever boto3 asks is answered here."""
    use_nobodys_keys(monkeypatch)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield
