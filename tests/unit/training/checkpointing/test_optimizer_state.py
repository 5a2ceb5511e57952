"""A resumed optimizer has this start's hyperparameters, and the moments of the checkpoint."""

from __future__ import annotations

import pytest
import torch
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from contract.failures import UserError
from training.checkpointing import optimizer_state


def make(learning_rate: float, steps: int, decay: float = 0.0) -> tuple[torch.nn.Parameter, AdamW, LambdaLR]:
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = AdamW([weight], lr=learning_rate, weight_decay=decay)
    return weight, optimizer, LambdaLR(optimizer, lambda step: max(0.0, 1 - step / steps))


def train(weight: torch.nn.Parameter, optimizer: AdamW, schedule: LambdaLR, steps: int) -> None:
    for _ in range(steps):
        weight.grad = torch.full_like(weight, 0.5)
        optimizer.step()
        schedule.step()


def resumed(learning_rate: float, steps: int, decay: float = 0.0) -> tuple[AdamW, LambdaLR, AdamW]:
    """An optimizer with a checkpoint of 4 steps at learning rate 0.1 over 10 steps, and the one that made it."""
    weight, saved, schedule = make(0.1, 10)
    train(weight, saved, schedule, 4)
    _, optimizer, new = make(learning_rate, steps, decay)
    groups = optimizer_state.hyperparameters(optimizer)
    optimizer.load_state_dict(saved.state_dict())
    new.load_state_dict(schedule.state_dict())
    optimizer_state.restore(optimizer, new, groups)
    return optimizer, new, saved


def test_the_same_hyperparameters_give_the_same_bits() -> None:
    optimizer, schedule, saved = resumed(0.1, 10)
    assert optimizer.param_groups[0]["lr"] == saved.param_groups[0]["lr"]
    assert schedule.get_last_lr() == [saved.param_groups[0]["lr"]]


def test_another_learning_rate_schedule_and_decay_are_this_starts_from_the_next_step_on() -> None:
    optimizer, schedule, saved = resumed(0.2, 20, decay=0.01)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.2 * (1 - 4 / 20))
    assert optimizer.param_groups[0]["weight_decay"] == 0.01
    weight = optimizer.param_groups[0]["params"][0]
    assert torch.equal(optimizer.state[weight]["exp_avg"], next(iter(saved.state.values()))["exp_avg"])
    train(weight, optimizer, schedule, 1)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.2 * (1 - 5 / 20))


def test_a_schedule_by_the_loss_takes_no_other_learning_rate() -> None:
    _, optimizer, _ = make(0.1, 10)
    groups = optimizer_state.hyperparameters(optimizer)
    plateau = ReduceLROnPlateau(optimizer)
    optimizer_state.restore(optimizer, plateau, groups)
    with pytest.raises(UserError, match="learning_rate is not the checkpoint's, which ReduceLROnPlateau cannot"):
        optimizer_state.restore(optimizer, plateau, [{**groups[0], "initial_lr": 0.3}])
