"""Losses that are no numbers, counted."""

from __future__ import annotations

import math

import pytest
import torch

from training.divergence import DivergenceError, NonFiniteSteps, refuse_loss


def counts(*steps: list[float]) -> list[int]:
    counter, found = NonFiniteSteps(), []
    for losses in steps:
        for loss in losses:
            counter.add(torch.tensor(loss))
        found.append(counter.end_step())
    return found


def test_steps_in_a_row_are_counted_and_one_with_a_number_ends_the_row() -> None:
    assert counts([1.0], [math.nan], [math.inf], [1.0], [-math.inf]) == [0, 1, 2, 0, 1]


def test_one_micro_batch_is_enough_to_spoil_a_step() -> None:
    assert counts([1.0, math.nan, 1.0], [1.0, 1.0]) == [1, 0]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_evaluation_without_a_number_is_refused(value: float) -> None:
    refuse_loss({"eval_loss": 0.5, "eval_runtime": math.inf}, 3)
    with pytest.raises(DivergenceError, match="eval_loss is (nan|inf) after step 3: the training has diverged; lower"):
        refuse_loss({"eval_loss": value}, 3)
