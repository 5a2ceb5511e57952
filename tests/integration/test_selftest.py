"""The self-test without a container: where all works, and where something does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.integration


def selftest(image: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """What `docker run IMAGE selftest` runs."""
    return subprocess.run(
        [sys.executable, "-m", image, "selftest"],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_made_up_rows_become_splits() -> None:
    done = selftest("processing")
    assert done.returncode == 0, done.stdout
    assert "200 rows to 3 splits, 200 of them tokenized by tokie" in done.stdout


def test_a_host_without_java_is_told_in_a_line(tmp_path: Path) -> None:
    done = selftest("inference", PATH=str(tmp_path), JAVA_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "java does not start: No such file or directory" in done.stdout
    assert done.stdout.rstrip().rpartition("\n")[2].startswith("failed: Java")
    assert "Traceback" not in done.stdout + done.stderr
