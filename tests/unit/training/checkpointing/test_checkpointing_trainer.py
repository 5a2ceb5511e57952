"""The state of random numbers in a checkpoint of another major version of NumPy."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import TrainingArguments

from training.checkpointing.checkpointing_trainer import CheckpointingTrainer

MODULES = (b"numpy.core.multiarray", b"numpy._core.multiarray")


def write_state(path: Path, module: bytes) -> None:
    """Write the state as a NumPy would whose function is in `module`."""
    # transformers saves NumPy's state as it is, hence the old generator.
    states = {"python": random.getstate(), "numpy": np.random.get_state(), "cpu": torch.random.get_rng_state()}
    torch.save(states, path.with_name("own"))
    with zipfile.ZipFile(path.with_name("own")) as own, zipfile.ZipFile(path, "w") as other:
        for name in own.namelist():
            content = own.read(name)
            for each in MODULES if name.endswith("data.pkl") else ():
                content = content.replace(each, module)
            other.writestr(name, content)


@pytest.mark.parametrize("module", MODULES)
def test_it_is_restored_from_either_version(tmp_path: Path, module: bytes) -> None:
    trainer = CheckpointingTrainer.__new__(CheckpointingTrainer)
    trainer.args = TrainingArguments(output_dir=str(tmp_path), use_cpu=True)
    write_state(tmp_path / "rng_state.pth", module)
    expected = np.random.random(3)
    trainer._load_rng_state(str(tmp_path))
    assert np.array_equal(np.random.random(3), expected)
