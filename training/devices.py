"""Defaults by device: precision and data loading on CPUs and GPUs, whether PyTorch can use the GPU, TF32."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from contract.cpu import BFLOAT16_FLAGS, cpu_flags
from contract.failures import UserError


@dataclass(frozen=True)
class Default:
    """A value that differs from TrainingArguments' own, and why."""

    value: Any
    reason: str


def is_on_cpu(given: Mapping[str, Any]) -> bool:
    """Whether this training is on the CPU, by the hyperparameter use_cpu or for want of a GPU."""
    return bool(given.get("use_cpu")) or not torch.cuda.is_available()


def agree_on_tf32() -> None:
    """Set PyTorch's older switch of TF32 to what TrainingArguments made the newer one (PyTorch 2.9 and later).

    torch.compile reads the older one, and PyTorch refuses that where the two differ (pytorch/pytorch #166387).
    """
    if getattr(torch.backends.cuda.matmul, "fp32_precision", None) == "tf32":
        with warnings.catch_warnings():
            # PyTorch 2.9 advises the newer switch here, which is set already.
            warnings.filterwarnings("ignore", "Please use the new API settings to control TF32", UserWarning)
            torch.set_float32_matmul_precision("high")


def cpu_defaults() -> dict[str, Default]:
    """Precision and data loading on the CPU."""
    return {
        **({"bf16": Default(True, "the CPU multiplies bf16 natively")} if cpu_flags() & BFLOAT16_FLAGS else {}),
        "per_device_eval_batch_size": Default(32, "without gradients there is room for more rows"),
        "use_cpu": Default(True, "there is no GPU"),
        "dataloader_pin_memory": Default(False, "pinned memory serves GPUs only"),
    }


def gpu_defaults() -> dict[str, Default]:
    """Precision and data loading on GPUs.

    Raises:
        UserError: PyTorch is not compiled for them.
    """
    check_architecture()
    return {
        **precision(),
        "per_device_eval_batch_size": Default(64, "without gradients there is room for more rows"),
        "dataloader_num_workers": Default(2, "batches are made while the GPU works"),
        "dataloader_persistent_workers": Default(True, "workers outlive an epoch"),
    }


def check_architecture() -> None:
    """Raises UserError: the GPU is older than all that this PyTorch is compiled for, such as V100 for CUDA 13."""
    major, minor = torch.cuda.get_device_capability()
    compiled = [int(name.removeprefix("sm_").rstrip("af")) for name in torch.cuda.get_arch_list() if "sm_" in name]
    if compiled and 10 * major + minor < min(compiled):
        raise UserError(
            f"the GPU {torch.cuda.get_device_name()} has compute capability {major}.{minor}, but this PyTorch is "
            f"compiled for {min(compiled) / 10:.1f} and later; expected an instance type with a newer GPU"
        )


def precision() -> dict[str, Default]:
    """bf16 and tf32 from Ampere (compute capability 8) on, fp16 before."""
    if torch.cuda.get_device_capability()[0] >= 8:
        return {
            "bf16": Default(True, "the GPU multiplies bf16 natively, and it needs no loss scaling"),
            "tf32": Default(True, "what stays fp32 multiplies on tensor cores"),
        }
    return {"fp16": Default(True, "the GPU has no bf16")}
