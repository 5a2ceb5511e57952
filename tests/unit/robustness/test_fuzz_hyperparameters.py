"""The fuzz of hyperparameters: the outcome of a job."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from robustness import fuzz_hyperparameters
from robustness.fuzz_hyperparameters import MARK, groups, has_left_processes, outcome, run_apart
from robustness.hyperparameter_cases import Ended


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


def jobs(text: str) -> list[Ended]:
    """One of each name."""
    return [Ended(name, str(place), "accepted", "", 0.0) for place, name in enumerate(text)]


def test_a_group_has_each_hyperparameter_once() -> None:
    found = [[f"{job.name}{job.value}" for job in group] for group in groups(jobs("aabbcab"), 2)]
    assert found == [["a0", "b2"], ["c4"], ["a1", "b3"], ["a5", "b6"]]


def test_jobs_that_fail_together_are_tried_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tried = []

    def run(together: Sequence[Ended], _: Path) -> Ended:
        tried.append("".join(job.name for job in together))
        return replace(together[0], outcome="refused" if "c" in tried[-1] else "trained")

    monkeypatch.setattr(fuzz_hyperparameters, "run", run)
    ended = run_apart(jobs("abcd"), tmp_path)
    assert [(job.name, job.outcome) for job in ended] == [
        *(("a", "trained"), ("b", "trained"), ("c", "refused"), ("d", "trained"))
    ]
    assert tried == ["abcd", "ab", "cd", "c", "d"]
