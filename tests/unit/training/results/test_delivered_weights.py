"""Which checkpoint's weights are in the model when it is delivered."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from contract.failures import UserError
from contract.files import STAGING
from training.checkpointing import model_state, store
from training.checkpointing.store import Origin
from training.distributed.collectives import Agreement
from training.results import delivered_weights

HISTORY = [{"step": step, "eval_loss": step / 100} for step in (10, 20, 30)]


def save(root: Path, step: int, value: float) -> Path:
    """A checkpoint whose weights are all `value`."""
    staged = root / STAGING / f"checkpoint-{step}"
    staged.mkdir(parents=True)
    model_state.write(
        {name: torch.full_like(each, value) for name, each in nn.Linear(2, 2).state_dict().items()}, staged
    )
    store.publish(staged, root / staged.name, step, 1, 16, Origin("data", "validation", "model"))
    return root / staged.name


def make_trainer(root: Path, best: int | None, last: int = 30, diverged: bool = False) -> Any:
    """A Trainer at step `last` whose weights are all 0, as far as delivering asks about it."""
    model = nn.Linear(2, 2)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    return SimpleNamespace(
        root=root,
        model=model,
        diverged=diverged,
        state=SimpleNamespace(best_global_step=best, best_metric=0.5, global_step=last, log_history=HISTORY),
        args=SimpleNamespace(world_size=1, metric_for_best_model="loss", greater_is_better=False),
        agreement=Agreement(),
        accelerator=SimpleNamespace(unwrap_model=lambda model: model),
        is_fsdp_enabled=False,
        is_deepspeed_enabled=False,
        is_world_process_zero=lambda: True,
    )


def weights(trainer: Any) -> set[float]:
    return {float(value) for each in trainer.model.state_dict().values() for value in each.flatten()}


def test_the_weights_of_the_best_evaluation_are_loaded(tmp_path: Path) -> None:
    save(tmp_path, 10, 1.0)
    save(tmp_path, 20, 2.0)
    trainer = make_trainer(tmp_path, best=10)
    assert delivered_weights.load(trainer, best=True) == 10
    assert weights(trainer) == {1.0}


@pytest.mark.parametrize(("best", "wanted"), [(10, False), (None, True), (30, True)])
def test_the_current_weights_stay_where_they_are_the_ones_to_deliver(
    tmp_path: Path, best: int | None, wanted: bool
) -> None:
    save(tmp_path, 10, 1.0)
    trainer = make_trainer(tmp_path, best)
    assert delivered_weights.load(trainer, wanted) == 30
    assert weights(trainer) == {0.0}


def test_a_damaged_best_checkpoint_is_not_loaded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (save(tmp_path, 10, 1.0) / "model.safetensors").write_bytes(b"")
    trainer = make_trainer(tmp_path, best=10)
    assert delivered_weights.load(trainer, best=True) == 30
    assert weights(trainer) == {0.0}
    assert "the best evaluation was at step 10, but its checkpoint cannot be used" in caplog.text


def test_of_the_checkpoints_that_are_left_the_best_one_is_loaded(tmp_path: Path) -> None:
    (save(tmp_path, 10, 1.0) / "model.safetensors").write_bytes(b"")
    save(tmp_path, 20, 2.0)
    trainer = make_trainer(tmp_path, best=10)
    assert delivered_weights.load(trainer, best=True) == 20
    assert weights(trainer) == {2.0}


def test_a_training_that_diverged_delivers_the_newest_finite_weights(tmp_path: Path) -> None:
    save(tmp_path, 10, 1.0)
    save(tmp_path, 20, float("nan"))
    trainer = make_trainer(tmp_path, best=10, diverged=True)
    assert delivered_weights.load(trainer, best=False) == 10
    assert weights(trainer) == {1.0}


def test_a_training_that_diverged_before_its_first_checkpoint_has_nothing_to_deliver(tmp_path: Path) -> None:
    save(tmp_path, 20, float("inf"))
    with pytest.raises(UserError, match="no checkpoint has weights that are all finite"):
        delivered_weights.load(make_trainer(tmp_path, best=None, diverged=True), best=True)
