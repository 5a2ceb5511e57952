"""How a rank leaves its process groups."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch.distributed as dist

from training.distributed.collectives import Agreement
from training.distributed.stopping import InterruptionError
from training.worker import leave_together


class Trainer:
    """Refers to a group, and to itself by a callback, as transformers' Trainer does."""

    def __init__(self) -> None:
        self.agreement = Agreement()
        self.callbacks: list[Any] = [self]


def gloo_threads() -> list[str]:
    names = (file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm"))
    return [name for name in names if "gloo" in name]


def trained(file: Path, ends_by: Callable[[], Exception] | None) -> Callable[[], None]:
    def task() -> None:
        dist.init_process_group("gloo", init_method=f"file://{file}", rank=0, world_size=1)
        trainer = Trainer()
        trainer.agreement.barrier()
        assert gloo_threads()
        if ends_by is not None:
            raise ends_by()

    return task


def test_no_thread_of_a_process_group_is_left_by_a_training(tmp_path: Path) -> None:
    leave_together(trained(tmp_path / "store", None))
    assert not dist.is_initialized()
    assert gloo_threads() == []


def test_no_thread_of_a_process_group_is_left_by_a_stop(tmp_path: Path) -> None:
    with pytest.raises(InterruptionError, match="checkpoint at step 7$"):
        leave_together(trained(tmp_path / "store", lambda: InterruptionError(7)))
    assert not dist.is_initialized()
    assert gloo_threads() == []


def test_after_an_error_the_groups_are_left_as_they_are(tmp_path: Path) -> None:
    try:
        with pytest.raises(ValueError, match="^odd$"):
            leave_together(trained(tmp_path / "store", lambda: ValueError("odd")))
        assert dist.is_initialized()
    finally:
        dist.destroy_process_group()
