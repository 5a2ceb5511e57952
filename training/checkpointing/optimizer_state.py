"""Optimizer and scheduler hyperparameters of a resumed training: the new start's values, not the checkpoint's.

`load_state_dict` of an optimizer brings back the learning rate, decay and betas that were saved, and that of a schedule
the learning rate that it began with, so that whatever changed between two starts would be ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from contract.failures import UserError

# Of a parameter group; what else it holds is state, or changes with every step.
NAMES = ("initial_lr", "weight_decay", "betas", "eps", "momentum")


def hyperparameters(optimizer: Optimizer) -> list[dict[str, Any]]:
    """Of each parameter group, as they are now."""
    return [{name: group[name] for name in NAMES if name in group} for group in optimizer.param_groups]


def restore(optimizer: Optimizer, schedule: LRScheduler, groups: Sequence[dict[str, Any]]) -> None:
    """Give `optimizer` the hyperparameters `groups`, and the learning rate that `schedule` has for its step.

    Raises:
        UserError: the schedule is no function of the step, and the learning rate is another.
    """
    before = hyperparameters(optimizer)
    for group, values in zip(optimizer.param_groups, groups, strict=True):
        group.update(values)
    if isinstance(schedule, LambdaLR):
        schedule.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        for group, function in zip(optimizer.param_groups, schedule.lr_lambdas, strict=True):
            group["lr"] = group["initial_lr"] * function(schedule.last_epoch)
        schedule._last_lr = [group["lr"] for group in optimizer.param_groups]
    elif any(old.get("initial_lr") != new.get("initial_lr") for old, new in zip(before, groups, strict=True)):
        raise UserError(
            f"hyperparameter learning_rate is not the checkpoint's, which {type(schedule).__name__} cannot change in "
            "the midst of a training; expected the same, or resume set to false"
        )
