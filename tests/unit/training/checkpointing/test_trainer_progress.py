from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from training.checkpointing.trainer_progress import TrainerProgress
from training.distributed.collectives import Agreement


def trainer(rank: int = 0, ranks: int = 1) -> Any:
    """What Trainer has when it starts to train."""
    return SimpleNamespace(
        args=SimpleNamespace(process_index=rank, world_size=ranks, device="cpu"),
        agreement=Agreement(),
        progress=SimpleNamespace(evaluation_interrupted=True),
        _tr_loss=torch.tensor(0.0),
        _total_loss_scalar=0.0,
        _globalstep_last_logged=7,
    )


def test_a_checkpoint_keeps_the_loss_to_the_last_bit(tmp_path: Path) -> None:
    before, after = trainer(), trainer()
    before._tr_loss = torch.tensor(1 / 3)
    before._total_loss_scalar, before._globalstep_last_logged = 0.1 + 0.2, 5
    TrainerProgress.of(before).write(tmp_path)
    TrainerProgress.read(tmp_path).restore(after)
    assert after._tr_loss.dtype == torch.float32
    assert after._tr_loss.item() == before._tr_loss.item()
    assert TrainerProgress.read(tmp_path).evaluation_interrupted
    assert (after._total_loss_scalar, after._globalstep_last_logged) == (0.1 + 0.2, 5)


@pytest.mark.parametrize(("rank", "ranks", "pending"), [(1, 2, 3.0), (0, 1, 2.0), (2, 3, 2.0)])
def test_each_rank_takes_its_own_and_another_number_of_ranks_the_mean(rank: int, ranks: int, pending: float) -> None:
    after = trainer(rank, ranks)
    TrainerProgress(5, 0.0, [1.0, 3.0]).restore(after)
    assert after._tr_loss.item() == pending
