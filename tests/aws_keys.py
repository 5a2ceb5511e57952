"""Credentials of AWS that open nothing, for tests against moto."""

from __future__ import annotations

import pytest


def use_nobodys_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let boto3 here and in children find these, and no profile, session or address of whoever runs the tests."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
