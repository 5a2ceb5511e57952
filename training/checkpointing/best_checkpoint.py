"""The checkpoint of the best evaluation, or where it is lost or damaged, of the best one whose checkpoint is there."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.failures import UserError
from training.checkpointing import store

if TYPE_CHECKING:
    from training.trainer import JobTrainer

log = logging.getLogger(__name__)


def ranked(history: Sequence[dict[str, Any]], metric: str, greater_is_better: bool) -> list[tuple[float, int]]:
    """Value and step of each evaluation, the best first; of equal ones the earliest.

    Args:
        history: Trainer's log_history.
        metric: metric_for_best_model, with or without `eval_`.
    """
    name = f"eval_{metric.removeprefix('eval_')}"
    found = {entry["step"]: float(entry[name]) for entry in reversed(history) if name in entry}
    sign = -1 if greater_is_better else 1
    return sorted(((value, step) for step, value in found.items()), key=lambda each: (sign * each[0], each[1]))


def evaluations_of(trainer: JobTrainer) -> list[tuple[float, int]]:
    """`ranked` by the metric of the job."""
    args = trainer.args
    return ranked(trainer.state.log_history, args.metric_for_best_model or "loss", bool(args.greater_is_better))


def usable(trainer: JobTrainer) -> Path | None:
    """The folder of the best evaluation whose checkpoint verifies; None where the current weights are the best.

    By the first rank: other hosts may not have the folders.
    """
    state, args = trainer.state, trainer.args
    best = state.best_global_step
    if not best:
        return None
    evaluations = evaluations_of(trainer)
    for step in (best, *(step for _, step in evaluations if step != best)):
        if step == state.global_step:
            return None
        try:
            store.verify(trainer.root / f"{store.PREFIX}{step}")
        except UserError as error:
            if step == best:
                log.warning("the best evaluation was at step %d, but its checkpoint cannot be used: %s", step, error)
            continue
        log.info("the weights of step %d have the best evaluation (%s)", step, args.metric_for_best_model)
        return trainer.root / f"{store.PREFIX}{step}"
    return None


def replace_lost(trainer: JobTrainer) -> None:
    """At a resume, by all ranks: have later evaluations compare with the best one whose checkpoint is still there.

    A better one that is lost could not be delivered, and would keep all later ones from being the best.
    """
    state = trainer.state
    best = state.best_global_step
    if not best:
        return
    evaluations = evaluations_of(trainer)
    found = 0
    if trainer.is_world_process_zero():
        found = next((step for _, step in evaluations if is_there(trainer.root, step)), 0)
    found = int(max(trainer.agreement.collect(found)))
    if found == best:
        return
    state.best_global_step = found or None
    state.best_metric = next((value for value, step in evaluations if step == found), None)
    if trainer.is_world_process_zero():
        log.warning(
            "the checkpoint of the best evaluation, at step %d, is not there: %s",
            *(best, f"that of step {found} is the best from now on" if found else "the next evaluation is the best"),
        )


def is_there(root: Path, step: int) -> bool:
    try:
        store.verify(root / f"{store.PREFIX}{step}")
    except UserError:
        return False
    return True
