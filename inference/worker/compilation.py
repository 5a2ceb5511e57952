"""torch.compile of the model's forward pass (SERVING_COMPILE), which runs once at start so that it is compiled."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import torch
from torch._dynamo.exc import TorchDynamoException

from contract.failures import UserError, first_line

log = logging.getLogger(__name__)


def compile_model(model: torch.nn.Module, probe: Callable[[], torch.Tensor]) -> None:
    """Compile the forward pass of `model` in place, for batches of any number and length of texts.

    Args:
        probe: runs the model on a single-row and on a padded batch, which are compiled separately.

    Raises:
        UserError: the model cannot be compiled; on CPUs mostly because there is no C++ compiler.
    """
    started = time.monotonic()
    model.compile(dynamic=True)
    try:
        probe()
    except TorchDynamoException as error:
        raise UserError(
            f"SERVING_COMPILE is true, but the model cannot be compiled: {first_line(error)}; "
            "expected SERVING_COMPILE=false, or the compiler that torch.compile needs"
        ) from None
    log.info("model compiled in %.1f s", time.monotonic() - started)
