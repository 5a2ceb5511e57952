"""Device, dtype, threads and number of workers, and the worker processes' environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contract.cpu import BFLOAT16_FLAGS
from contract.failures import UserError
from contract.machine import gpus, threads

if TYPE_CHECKING:
    import torch

# Larger forward passes do not raise tokens/s on a CPU core: they have more padding and no longer fit its cache.
CORE_BATCH_TOKENS = 256
GPU_BATCH_TOKENS = 32_768
# About 20 microseconds: longer than the gap between two operators, much shorter than that between two requests.
SPINS = "10000"


@dataclass(frozen=True)
class Device:
    """The torch device and dtype of a worker's forward passes."""

    device: torch.device
    dtype: torch.dtype

    @property
    def is_gpu(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.type == "cuda"

    def batch_tokens(self, threads: int) -> int:
        """Default of SERVING_BATCH_TOKENS: tokens in one forward pass; on a CPU for `threads` threads together."""
        return GPU_BATCH_TOKENS if self.is_gpu else CORE_BATCH_TOKENS * threads


def choose(dtype: str, gpu: int | None, cpu_flags: frozenset[str]) -> Device:
    """The device of index `gpu` (None for the CPU) with the named dtype.

    `auto` is bfloat16 where the hardware computes in it, else float16 on GPUs and float32 on CPUs.
    """
    import torch

    device = torch.device("cpu") if gpu is None else torch.device("cuda", gpu)
    if dtype != "auto":
        return Device(device, getattr(torch, dtype))
    if gpu is not None:
        return Device(device, torch.bfloat16 if torch.cuda.get_device_capability(gpu) >= (8, 0) else torch.float16)
    return Device(device, torch.bfloat16 if cpu_flags & BFLOAT16_FLAGS else torch.float32)


def default_workers() -> int:
    """Default number of workers: one per GPU; without a GPU one for all cores."""
    return len(gpus("index")) or 1


def set_threads(environ: Mapping[str, str]) -> int | None:
    """Threads of a forward pass that OMP_NUM_THREADS sets; None if it is not set.

    It may be a list, one number for each level of nested parallelism, of which the first counts (OpenMP 5.2, 21.1.2).

    Raises:
        UserError: it is no number of at least 1.
    """
    value = environ.get("OMP_NUM_THREADS")
    if not value:
        return None
    first = value.partition(",")[0].strip()
    if not (first.isascii() and first.isdigit() and int(first)):
        raise UserError(f"OMP_NUM_THREADS is {value!r}, expected a whole number of at least 1")
    return int(first)


def worker_environment(environ: Mapping[str, str], workers: int) -> dict[str, str]:
    """Environment variables that the server sets for its workers; values that the launcher set are kept.

    OMP_NUM_THREADS divides the cores among the workers. GOMP_SPINCOUNT
    makes OpenMP threads spin between two operators of a forward pass but sleep between two requests:
    the server needs the core on which an idle thread would spin.
    """
    defaults = {
        "OMP_NUM_THREADS": str(max(1, threads() // workers)),
        "HF_HUB_OFFLINE": "1",
        # ONNX Runtime sends usage data to its vendor, and writes files for that, unless told otherwise.
        "ORT_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "true",
    }
    if "OMP_WAIT_POLICY" not in environ:
        defaults["GOMP_SPINCOUNT"] = SPINS
    return {name: environ.get(name) or value for name, value in defaults.items()}
