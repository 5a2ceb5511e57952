"""Whether another model fits into the memory that is left."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from contract.machine import free_memory
from inference.errors import RequestError

MIB = 1024 * 1024
# A worker with the libraries loaded and no model.
WORKER_BYTES = 350 * MIB
# While weights are converted to another dtype they are there twice.
COPIES = 2


def check(folder: Path) -> None:
    """Raises RequestError: 507, the model in `folder` needs more memory than is left."""
    need, left = needed(folder), free_memory()
    if need > left:
        raise RequestError(
            HTTPStatus.INSUFFICIENT_STORAGE,
            f"the model needs about {need // MIB:,} MiB of memory, {left // MIB:,} MiB are left",
        )


def needed(folder: Path) -> int:
    """Bytes that a worker needs to load the model in `folder`, by the size of its weights."""
    return WORKER_BYTES + COPIES * sum(path.stat().st_size for path in folder.glob("*.safetensors"))
