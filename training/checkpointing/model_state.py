"""model.safetensors of a checkpoint: written under state_dict() names and loaded strictly.

`save_pretrained` writes the names that a model's file had when it was loaded: in transformers 5.3 and 5.5
`LayerNorm.gamma` and `LayerNorm.beta` for every BERT-like model. `from_pretrained` maps these back, `load_state_dict`
does not, and Trainer's own resume ignores what it misses. So checkpoints keep the names of `state_dict()`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from contract.failures import UserError

WEIGHTS = "model.safetensors"
Shapes = Mapping[str, tuple[int, ...]]


def write(state: Mapping[str, torch.Tensor], folder: Path) -> None:
    """Write `state` to `folder`/model.safetensors, each tensor under its own name.

    Raises:
        OSError, SafetensorError: the file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_file(separated(state), str(folder / WEIGHTS), metadata={"format": "pt"})


def separated(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """`state` with a copy of each tensor that shares memory with an earlier one, which safetensors refuses to write."""
    seen: set[int] = set()
    kept = {}
    for name, tensor in state.items():
        place = tensor.untyped_storage().data_ptr()
        kept[name] = tensor.detach().clone() if place in seen else tensor.detach().contiguous()
        seen.add(place)
    return kept


def shapes(model: nn.Module) -> Shapes:
    """Names and shapes of what a checkpoint of `model` holds."""
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def mismatch(folder: Path, expected: Shapes) -> str:
    """What keeps the weights in `folder` from being a model's with the shapes `expected`; empty if nothing does."""
    try:
        with safe_open(str(folder / WEIGHTS), framework="pt") as file:
            found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        return f"{WEIGHTS} cannot be read: {error}"
    missing, unexpected = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    if missing or unexpected:
        named = ", ".join([*(f"no {name}" for name in missing[:2]), *(f"unexpected {name}" for name in unexpected[:2])])
        return f"{WEIGHTS} lacks {len(missing)} of the model's tensors and has {len(unexpected)} others ({named})"
    wrong = [name for name in expected if found[name] != expected[name]]
    return f"{wrong[0]} has shape {list(found[wrong[0]])}, the model's {list(expected[wrong[0]])}" if wrong else ""


def read(folder: Path) -> dict[str, torch.Tensor]:
    """The tensors of `folder`/model.safetensors, on the CPU."""
    return load_file(str(folder / WEIGHTS))


def load(model: nn.Module, folder: Path) -> None:
    """Put the weights in `folder` into `model`, all of them and no others.

    Raises:
        UserError: they cannot be read, or a tensor is missing, unexpected, or of another shape.
    """
    problem = mismatch(folder, shapes(model))
    if problem:
        raise UserError(f"weights in {folder} are not those of this model: {problem}")
    model.load_state_dict(read(folder), strict=True)


def is_finite(state: Mapping[str, torch.Tensor]) -> bool:
    """Whether every floating point value of `state` is a number."""
    return all(bool(tensor.isfinite().all()) for tensor in state.values() if tensor.is_floating_point())
