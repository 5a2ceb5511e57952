"""The fuzz of hyperparameters: the outcome of a job."""

from __future__ import annotations

import subprocess
import sys

import pytest

from robustness import fuzz_hyperparameters
from robustness.fuzz_hyperparameters import MARK, has_left_processes, outcome


@pytest.mark.parametrize(
    ("status", "late", "log", "reason", "expected"),
    [
        (0, False, "step = 1", "", "trained"),
        (1, False, "", "", "silent"),
        (1, False, "", "one line\nanother", "silent"),
        (1, False, "refused", "hyperparameter seed is -1", "refused"),
        (None, True, "", "", "late"),
        (None, True, "step = 50", "", "training"),
        (1, False, "Traceback (most recent call last)", "x", "traceback"),
        (1, False, "", f"column {MARK.title()}", "leaked"),
        (-11, False, "", "", "traceback"),
    ],
)
def test_the_end_of_a_job_is_told(status: int | None, late: bool, log: str, reason: str, expected: str) -> None:
    assert outcome(status, late, log, reason) == expected


@pytest.mark.parametrize("ends", [True, False])
def test_what_a_job_leaves_behind_is_found_and_killed(monkeypatch: pytest.MonkeyPatch, ends: bool) -> None:
    monkeypatch.setattr(fuzz_hyperparameters, "ORPHAN_SECONDS", 5 if ends else 0)
    child = [sys.executable, "-c", f"import time; time.sleep({0 if ends else 600})"]
    job = subprocess.Popen(child, start_new_session=True)
    assert has_left_processes(job.pid) is not ends
    assert job.wait() == (0 if ends else -9)
