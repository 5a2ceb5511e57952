"""A model's linear layers with their weights packed for the CPU once, not anew for every pass.

PyTorch's own layers hand the weight to the BLAS as it lies, which packs it before it multiplies.
For short texts, whose few tokens share one packing, that is a good part of a pass. oneDNN takes weights
packed beforehand, by the operators that torch.compile's frozen graphs call
(torch/_inductor/mkldnn_lowerings.py). They are PyTorch's private ones, so a packed model has
to prove itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import torch

from inference.loading import first_line

# Sums in another order differ in the last bits of a float32.
TOLERANCE = 1e-5

log = logging.getLogger(__name__)


class PackedLinear(torch.nn.Module):
    """What a torch.nn.Linear computes, from a packed weight.

    Attributes:
        weight: the layer's, without its numbers: models look at its dtype.
    """

    def __init__(self, layer: torch.nn.Linear) -> None:
        super().__init__()
        weight = layer.weight.detach()
        self.weight = weight.to("meta")
        self._packed = torch.ops.mkldnn._reorder_linear_weight.default(weight)
        self._bias = None if layer.bias is None else layer.bias.detach()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.ops.mkldnn._linear_pointwise.default(inputs, self._packed, self._bias, "none", [], "")


def pack(model: torch.nn.Module, probe: Callable[[], torch.Tensor]) -> bool:
    """Pack the linear layers of `model` in place, those in float32 on the CPU.

    Args:
        probe: logits of some texts by `model`.

    Returns:
        Whether any are packed: where that fails, or changes the probe's logits, all stays as it was.
    """
    layers = {name: layer for name, layer in model.named_modules() if packs(layer)}
    if not layers:
        return False
    expected = probe()
    try:
        replace(model, {name: PackedLinear(layer) for name, layer in layers.items()})
        torch.testing.assert_close(probe(), expected, rtol=TOLERANCE, atol=TOLERANCE)
    except (AssertionError, AttributeError, NotImplementedError, RuntimeError, TypeError) as error:
        log.warning("linear layers stay unpacked: %s", first_line(error))
        replace(model, layers)
        return False
    return True


def packs(module: torch.nn.Module) -> bool:
    """Whether `module` can be packed: a subclass of torch.nn.Linear may compute something else."""
    if type(module) is not torch.nn.Linear:
        return False
    return module.weight.dtype == torch.float32 and module.weight.device.type == "cpu"


def replace(model: torch.nn.Module, layers: Mapping[str, torch.nn.Module]) -> None:
    for name, layer in layers.items():
        model.set_submodule(name, layer)
