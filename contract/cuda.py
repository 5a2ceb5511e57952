"""GPUs that PyTorch cannot use because their driver is too old, and the CUDA libraries of the base for such drivers."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from contract.failures import UserError
from contract.machine import driver_cuda, gpus

DEVICES = Path("/dev")
# NVIDIA's forward compatibility package, which lets an older driver of a data centre GPU run a newer CUDA. The base's
# own entry points put it on the library path. Source: start_cuda_compat.sh of the Deep Learning Containers.
COMPATIBILITY = Path("/usr/local/cuda/compat")
KERNEL_MODULE = Path("/proc/driver/nvidia/version")
LIBRARY_PATH = "LD_LIBRARY_PATH"


def refuse_unusable_gpu(allowance: str, environ: Mapping[str, str]) -> None:
    """Refuse to compute on the CPU of a host whose GPU PyTorch cannot use.

    An image without CUDA, and a caller who hides the GPUs by CUDA_VISIBLE_DEVICES, mean to compute on the CPU.

    Args:
        allowance: the option that allows it all the same, for the error.
        environ: environment variables of this process.

    Raises:
        UserError: there is a GPU, but PyTorch finds none; names the CUDA versions of the driver and of the image.
    """
    import torch

    hidden = environ.get("CUDA_VISIBLE_DEVICES", "all") in ("", "-1")
    if hidden or torch.version.cuda is None or torch.cuda.is_available():
        return
    names = gpus("name", "driver_version")
    if names:
        found = f"{names[0]}, for CUDA up to {driver_cuda() or 'an unknown version'}"
    elif list(DEVICES.glob("nvidia[0-9]*")):
        found = "a driver that does not answer"
    else:
        return
    raise UserError(
        f"this host has a GPU with {found}, which PyTorch for CUDA {torch.version.cuda} in this image cannot use; "
        "expected a newer driver (InferenceAmiVersion or TransformAmiVersion for hosting), an image for that CUDA, or "
        f"{allowance}"
    )


def compatibility(environ: Mapping[str, str], folder: Path = COMPATIBILITY) -> dict[str, str]:
    """LD_LIBRARY_PATH with the base's CUDA compatibility libraries where the driver is older than these; else nothing.

    A process reads the variable when it starts, so it is for the processes that this one starts.
    """
    library = folder / "libcuda.so.1"
    packaged, installed = numbers(library.resolve().name if library.exists() else ""), numbers(driver_version())
    if not packaged or not installed or installed >= packaged:
        return {}
    return {LIBRARY_PATH: os.pathsep.join([str(folder), *filter(None, [environ.get(LIBRARY_PATH)])])}


def driver_version(kernel_module: Path = KERNEL_MODULE) -> str:
    """Version of the NVIDIA driver, such as 535.129.03; empty without one."""
    try:
        found = re.search(r"Kernel Module\D*([\d.]+)", kernel_module.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        found = None
    return found[1] if found else "".join(gpus("driver_version")[:1])


def numbers(text: str) -> tuple[int, ...]:
    """The numbers of the version in `text`, which may be a file name such as libcuda.so.580.65.06."""
    found = re.search(r"\d+(\.\d+)+", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()
