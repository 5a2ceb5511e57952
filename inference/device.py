"""Device, dtype, threads and number of workers, and the worker processes' environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contract.cpu import BFLOAT16_FLAGS
from contract.machine import gpus, threads

if TYPE_CHECKING:
    import torch

# Larger passes are no faster a token on a core: they have more padding, and leave its cache.
CORE_BATCH_TOKENS = 256
GPU_BATCH_TOKENS = 32_768
# Some 20 microseconds: longer than the gap between two operators, much shorter than that between two requests.
SPINS = "10000"


@dataclass(frozen=True)
class Device:
    """Where and in what type a worker computes."""

    device: torch.device
    dtype: torch.dtype

    @property
    def is_gpu(self) -> bool:
        return self.device.type == "cuda"

    def batch_tokens(self, threads: int) -> int:
        """Tokens in one forward pass where the launcher sets none; `threads` share it on the CPU."""
        return GPU_BATCH_TOKENS if self.is_gpu else CORE_BATCH_TOKENS * threads


def choose(dtype: str, gpu: int | None, cpu_flags: frozenset[str]) -> Device:
    """The device `gpu` (an index; None for the CPU) with the named dtype, or the fast one for `auto`."""
    import torch

    device = torch.device("cpu") if gpu is None else torch.device("cuda", gpu)
    if dtype != "auto":
        return Device(device, getattr(torch, dtype))
    if gpu is not None:
        return Device(device, torch.bfloat16 if torch.cuda.get_device_capability(gpu) >= (8, 0) else torch.float16)
    return Device(device, torch.bfloat16 if cpu_flags & BFLOAT16_FLAGS else torch.float32)


def default_workers() -> int:
    """One worker a GPU, as multi-model-server counts them; one over all cores where there is none."""
    return len(gpus("index")) or 1


def worker_environment(environ: Mapping[str, str], workers: int) -> dict[str, str]:
    """Variables that workers start with: the launcher's where it set them.

    Multi-model-server's worker would set OMP_NUM_THREADS to 1, which leaves cores idle. Threads
    that wait for each other spin from one operator to the next, and sleep from one request to the
    next: a core that they spin on is one that the server needs.
    """
    defaults = {
        "OMP_NUM_THREADS": str(max(1, threads() // workers)),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "true",
    }
    if "OMP_WAIT_POLICY" not in environ:
        defaults["GOMP_SPINCOUNT"] = SPINS
    return {name: environ.get(name) or value for name, value in defaults.items()}
