"""Which checkpoint holds the best model, also where the best of all is lost."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from contract.files import STAGING
from training.checkpointing import best_checkpoint, store
from training.checkpointing.store import Origin
from training.distributed.collectives import Agreement

HISTORY = [
    {"step": 10, "loss": 0.1},
    {"step": 10, "eval_loss": 0.6},
    {"step": 20, "eval_loss": 0.4},
    {"step": 30, "eval_loss": 0.5},
    {"step": 40, "eval_loss": 0.5},
]


def test_evaluations_are_ranked_the_earliest_first_of_equal_ones() -> None:
    assert best_checkpoint.ranked(HISTORY, "loss", False) == [(0.4, 20), (0.5, 30), (0.5, 40), (0.6, 10)]
    assert best_checkpoint.ranked(HISTORY, "eval_loss", True)[0] == (0.6, 10)
    assert best_checkpoint.ranked(HISTORY, "accuracy", True) == []


def save(root: Path, step: int) -> None:
    staged = root / STAGING / f"checkpoint-{step}"
    staged.mkdir(parents=True)
    store.publish(staged, root / staged.name, step, 1, 16, Origin("data", "validation", "model"))


def trainer(root: Path, best: int | None) -> Any:
    state = SimpleNamespace(best_global_step=best, best_metric=0.4, global_step=40, log_history=HISTORY)
    return SimpleNamespace(
        root=root,
        state=state,
        args=SimpleNamespace(metric_for_best_model="loss", greater_is_better=False),
        agreement=Agreement(),
        is_world_process_zero=lambda: True,
    )


@pytest.mark.parametrize(
    ("there", "step", "value"), [((20, 30), 20, 0.4), ((10, 40), 40, 0.5), ((10,), 10, 0.6), ((), None, None)]
)
def test_at_a_resume_the_best_is_one_that_can_be_delivered(
    tmp_path: Path, there: tuple[int, ...], step: int | None, value: float | None
) -> None:
    for each in there:
        save(tmp_path, each)
    found = trainer(tmp_path, best=20)
    best_checkpoint.replace_lost(found)
    assert (found.state.best_global_step, found.state.best_metric) == (step, value)


def test_without_an_evaluation_there_is_nothing_to_replace(tmp_path: Path) -> None:
    found = trainer(tmp_path, best=None)
    best_checkpoint.replace_lost(found)
    assert (found.state.best_global_step, found.state.best_metric) == (None, 0.4)
    assert best_checkpoint.usable(found) is None
