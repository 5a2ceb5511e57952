"""torch.compile of the model's forward pass (SERVING_COMPILE), with a probe that compiles it at start."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import torch
from torch._dynamo.exc import TorchDynamoException

from contract.failures import UserError, first_line

log = logging.getLogger(__name__)


def compile_model(model: torch.nn.Module, probe: Callable[[], torch.Tensor]) -> None:
    """Compile the forward pass of `model` in place, for texts of any number and length.

    Args:
        probe: runs it on one text and on several, which are compiled apart from each other.

    Raises:
        UserError: it cannot be compiled; on CPUs for want of a C++ compiler, mostly.
    """
    started = time.monotonic()
    model.compile(dynamic=True)
    try:
        probe()
    except TorchDynamoException as error:
        raise UserError(
            f"SERVING_COMPILE is true, but the model cannot be compiled: {first_line(error)}; "
            "expected SERVING_COMPILE=false, or what torch.compile needs"
        ) from None
    log.info("model compiled in %.1f s", time.monotonic() - started)
