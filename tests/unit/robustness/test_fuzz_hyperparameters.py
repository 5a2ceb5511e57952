"""The fuzz of hyperparameters: its cases, and the outcome of a job."""

from __future__ import annotations

import pytest

from robustness.fuzz_hyperparameters import MARK, VALUES, cases, checked, outcome


def test_each_hyperparameter_gets_other_values_the_same_for_a_seed() -> None:
    first = list(cases(["seed", "optim"], 5, seed=1))
    assert first == list(cases(["seed", "optim"], 5, seed=1))
    assert [name for name, _ in first] == ["seed"] * 5 + ["optim"] * 5
    assert len(set(first)) == 10
    assert first != list(cases(["seed", "optim"], 5, seed=2))
    assert len({name for name, _ in cases([], 1, seed=1)}) > 120
    assert len(list(cases(["seed"], 1000, seed=1))) == len(VALUES)


@pytest.mark.parametrize(
    ("status", "late", "log", "reason", "expected"),
    [
        (0, False, "step = 1", "", "trained"),
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


@pytest.mark.parametrize(
    ("name", "value", "expected"), [("seed", "3", "accepted"), ("seed", "-1", "refused"), ("optim", "text", "refused")]
)
def test_a_job_is_checked_without_a_start(name: str, value: str, expected: str) -> None:
    found = checked(name, value)
    assert (found.name, found.value, found.outcome) == (name, value, expected)
    assert bool(found.reason) == (expected == "refused")
