"""AWS credentials without any rights, for tests against moto."""

from __future__ import annotations

import pytest


def use_test_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make boto3 in this process and its children use these credentials, and no profile, token or endpoint URL."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
