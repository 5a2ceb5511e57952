"""Checks of a host for every image's self-test: cores, memory, disk, shared memory, bf16, GPUs."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from contract.cpu import BFLOAT16_FLAGS, cpu_flags
from contract.failures import UserError
from contract.machine import gpus, memory, threads
from contract.paths import Paths
from contract.selftest import Check, NotHereError

GIGABYTE = 1e9
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (looked at, and one file of an unguessable name written)
WRITTEN_BYTES = 16_000_000
# Side of the matrices that a GPU multiplies, and how far a product in 16 bits may be off, as a share.
SIDE, TOLERANCE = 256, 0.05


def host(environ: Mapping[str, str]) -> list[Check]:
    """The checks that need no library."""
    base = Paths.from_environment(environ).base
    return [
        Check("cores", cores),
        Check("memory", lambda: f"{memory() / GIGABYTE:.1f} GB"),
        Check(f"disk at {base}", partial(disk, base)),
        Check("disk for temporary files", lambda: disk(Path(tempfile.gettempdir()))),
        Check("shared memory", partial(disk, SHARED_MEMORY)),
    ]


def accelerators() -> list[Check]:
    """The checks that need PyTorch."""
    return [Check("GPU", gpu), Check("bf16", bf16)]


def cores() -> str:
    count = threads()
    return f"{count} core{'s' if count > 1 else ''} of {os.cpu_count()}"


def disk(folder: Path) -> str:
    """Free space of `folder` and how fast a file is written there, synced.

    Raises:
        NotHereError: there is no such folder.
        OSError: it cannot be written.
    """
    if not folder.is_dir():
        raise NotHereError(f"there is no folder {folder}")
    started = time.monotonic()
    free = shutil.disk_usage(folder).free
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(os.urandom(WRITTEN_BYTES))
        file.flush()
        os.fsync(file.fileno())
    speed = WRITTEN_BYTES / 1e6 / (time.monotonic() - started)
    return f"{free / GIGABYTE:.1f} GB free, written at {speed:,.0f} MB/s"


def gpu() -> str:
    """The GPUs by name; each multiplies two matrices, and the product is compared with the CPU's.

    Raises:
        NotHereError: there is no driver.
        UserError: the driver has GPUs that PyTorch cannot use, or a product is wrong.
    """
    import torch

    if not torch.cuda.is_available():
        names = gpus("name", "driver_version")
        if not names:
            raise NotHereError("no NVIDIA driver in this container: the CPU computes")
        raise UserError(f"the driver has {', '.join(names)}, which PyTorch for CUDA {torch.version.cuda} cannot use")
    left, right = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
    for index in range(torch.cuda.device_count()):
        product = (left.cuda(index).half() @ right.cuda(index).half()).float().cpu()
        if not torch.allclose(product, left @ right, rtol=TOLERANCE):
            raise UserError(f"GPU {index} multiplies wrongly")
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return f"{len(names)} x {names[0]}, CUDA {torch.version.cuda}"


def bf16() -> str:
    """Which device multiplies bfloat16 in hardware.

    Raises:
        NotHereError: none does.
    """
    import torch

    if torch.cuda.is_available():
        if torch.cuda.get_device_capability() >= (8, 0):
            return "on the GPU"
        raise NotHereError("the GPU has none: float16 is used")
    flags = cpu_flags() & BFLOAT16_FLAGS
    if not flags:
        raise NotHereError("the CPU has none: float32 is used")
    return f"on the CPU: {', '.join(sorted(flags))}"
