"""The cases of the fuzz of hyperparameters, and what is ignored."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import IntervalStrategy

from robustness.hyperparameter_cases import VALUES, cases, checked, is_ignored, logged


def test_each_hyperparameter_gets_other_values_the_same_for_a_seed() -> None:
    first = list(cases(["seed", "optim"], 5, seed=1))
    assert first == list(cases(["seed", "optim"], 5, seed=1))
    assert [name for name, _ in first] == ["seed"] * 5 + ["optim"] * 5
    assert len(set(first)) == 10
    assert first != list(cases(["seed", "optim"], 5, seed=2))
    assert len({name for name, _ in cases([], 1, seed=1)}) > 120
    assert len(list(cases(["seed"], 1000, seed=1))) == len(VALUES)


@pytest.mark.parametrize(
    ("name", "value", "expected"), [("seed", "3", "accepted"), ("seed", "-1", "refused"), ("optim", "text", "refused")]
)
def test_a_job_is_checked_without_a_start(name: str, value: str, expected: str) -> None:
    found = checked(name, value)
    assert (found.name, found.value, found.outcome) == (name, value, expected)
    assert bool(found.reason) == (expected == "refused")


@pytest.mark.parametrize(
    ("name", "given", "in_force", "line", "expected"),
    [
        ("seed", 3, 3, "", False),
        ("seed", 3, 42, "", True),
        ("seed", 3, 42, "seed has no effect", False),
        ("eval_strategy", "steps", IntervalStrategy.STEPS, "", False),
        ("eval_strategy", "steps", IntervalStrategy.EPOCH, "", True),
        ("report_to", "none", [], "", False),
        ("include_num_input_tokens_seen", "1", "all", "", False),
        ("include_num_input_tokens_seen", "0", "all", "", True),
        ("greater_is_better", None, False, "", False),
        ("report_to", "tensorboard", ["tensorboard"], "", False),
    ],
)
def test_a_value_is_ignored_where_another_is_in_force_without_a_word(
    name: str, given: Any, in_force: Any, line: str, expected: bool
) -> None:
    with logged() as lines:
        logging.getLogger("training.arguments").warning("%s", line)
    assert is_ignored(name, {name: given}, SimpleNamespace(**{name: in_force}), lines) is expected
    assert not is_ignored("other", {name: given}, SimpleNamespace(other=1), lines)
