"""torch_compile: batches of all shapes run through one compiled graph."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_base import make_job
from training_run import finish, series, start

pytestmark = pytest.mark.integration


def test_batches_of_other_shapes_are_not_recompiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_LOGS", "recompiles,graph_code")
    job = make_job(tmp_path)
    # A backend that only traces: it compiles the same graphs, without minutes of a C++ compiler.
    job.hyperparameters(
        epochs=2, logging_steps=1, learning_rate=3e-3, torch_compile=True, torch_compile_backend="eager"
    )
    log = finish(start(job))
    assert "[__graph_code]" in log
    assert "Recompiling function" not in log
    losses = series(job, "loss")
    assert sum(losses[-5:]) < sum(losses[:5])
