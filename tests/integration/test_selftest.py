"""The self-tests without a container: success, and a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.integration


def selftest(image: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the entry point with the argument selftest, as `docker run IMAGE selftest` does."""
    return subprocess.run(
        [sys.executable, "-m", image, "selftest"],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_selftest_of_processing_passes() -> None:
    done = selftest("processing")
    assert done.returncode == 0, done.stdout
    assert "200 rows to 3 splits, 200 of them tokenized by nanotoken" in done.stdout
