"""Checks whether another model fits into the free memory (multi-model endpoints)."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from contract.machine import free_memory
from inference.errors import RequestError
from inference.model_folder import loaded_weights

MIB = 1024 * 1024
# Memory of a worker that has loaded the libraries but no model.
WORKER_BYTES = 350 * MIB
# While weights are converted to another dtype, both copies are in memory.
COPIES = 2


def check(folder: Path) -> None:
    """Check that the model in `folder` fits into the free memory.

    Raises:
        RequestError: 507, it does not.
    """
    need, free = needed(folder), free_memory()
    if need > free:
        raise RequestError(
            HTTPStatus.INSUFFICIENT_STORAGE,
            f"the model needs about {need // MIB:,} MiB of memory, {free // MIB:,} MiB are free",
        )


def needed(folder: Path) -> int:
    """Estimated memory in bytes that a worker needs for the model in `folder`, by the weights that it loads."""
    return WORKER_BYTES + COPIES * sum(path.stat().st_size for path in loaded_weights(folder))
