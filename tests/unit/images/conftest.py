"""AWS as simulated by moto."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from aws_keys import use_test_credentials
from moto import mock_aws


@pytest.fixture
def aws_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty AWS account in moto."""
    use_test_credentials(monkeypatch)
    with mock_aws():
        yield
