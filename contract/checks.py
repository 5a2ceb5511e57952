"""Checks of the host in every image's self-test: CPU cores, memory, disk, shared memory, bf16, GPUs."""

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
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (only a TemporaryFile is written there)
WRITTEN_BYTES = 16_000_000
# Size of the square matrices that a GPU multiplies, and the relative tolerance of their product in float16.
SIDE, TOLERANCE = 256, 0.05


def host(environ: Mapping[str, str]) -> list[Check]:
    """The checks of the host that need no library: cores, memory, disk, shared memory."""
    base = Paths.from_environment(environ).base
    return [
        Check("cores", cores),
        Check("memory", lambda: f"{memory() / GIGABYTE:.1f} GB"),
        Check(f"disk at {base}", partial(disk, base)),
        Check("disk for temporary files", lambda: disk(Path(tempfile.gettempdir()))),
        Check("shared memory", partial(disk, SHARED_MEMORY)),
    ]


def accelerators() -> list[Check]:
    """The checks that need PyTorch: GPU and bf16."""
    return [Check("GPU", gpu), Check("bf16", bf16)]


def cores() -> str:
    """CPU cores that the container may use, and that the host has."""
    count = threads()
    return f"{count} core{'s' if count > 1 else ''} of {os.cpu_count()}"


def disk(folder: Path) -> str:
    """Free space of `folder`, and the speed at which a file is written there, with fsync.

    Raises:
        NotHereError: the folder does not exist.
        OSError: the folder cannot be written.
    """
    if not folder.is_dir():
        raise NotHereError(f"the folder {folder} does not exist")
    started = time.monotonic()
    free = shutil.disk_usage(folder).free
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(os.urandom(WRITTEN_BYTES))
        file.flush()
        os.fsync(file.fileno())
    speed = WRITTEN_BYTES / 1e6 / (time.monotonic() - started)
    return f"{free / GIGABYTE:.1f} GB free, writes {speed:,.0f} MB/s"


def gpu() -> str:
    """Multiply two matrices on each GPU and compare with the product of the CPU; returns the GPUs' name.

    Raises:
        NotHereError: there is no NVIDIA driver.
        UserError: PyTorch cannot use the driver's GPUs, or a product is wrong.
    """
    import torch

    if not torch.cuda.is_available():
        names = gpus("name", "driver_version")
        if not names:
            raise NotHereError("no NVIDIA driver in this container: the image computes on the CPU")
        raise UserError(f"the driver has {', '.join(names)}, which PyTorch for CUDA {torch.version.cuda} cannot use")
    left, right = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
    for index in range(torch.cuda.device_count()):
        product = (left.cuda(index).half() @ right.cuda(index).half()).float().cpu()
        if not torch.allclose(product, left @ right, rtol=TOLERANCE):
            raise UserError(f"GPU {index} computes a wrong matrix product")
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return f"{len(names)} x {names[0]}, CUDA {torch.version.cuda}"


def bf16() -> str:
    """The device that computes bfloat16 in hardware, GPU or CPU.

    Raises:
        NotHereError: neither does.
    """
    import torch

    if torch.cuda.is_available():
        if torch.cuda.get_device_capability() >= (8, 0):
            return "on the GPU"
        raise NotHereError("the GPU has no bf16: float16 is used")
    flags = cpu_flags() & BFLOAT16_FLAGS
    if not flags:
        raise NotHereError("the CPU has no bf16: float32 is used")
    return f"on the CPU: {', '.join(sorted(flags))}"
