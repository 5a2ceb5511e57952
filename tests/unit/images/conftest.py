"""AWS as moto plays it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from aws_keys import use_nobodys_keys
from moto import mock_aws


@pytest.fixture
def aws_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account, with keys that open nothing else."""
    use_nobodys_keys(monkeypatch)
    with mock_aws():
        yield
