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
        UserError: the model cannot be compiled; on CPUs mostly because there is no C++ compiler, but also because
            libraries do not suit each other: transformers 5.5 fails with a NameError when torch 2.6 compiles it.
    """
    started = time.monotonic()
    model.compile(dynamic=True)
    try:
        probe()
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # not only torch's own errors: the code that it traces fails with any
        problem = first_line(error)
        if not isinstance(error, TorchDynamoException):
            problem = f"{type(error).__name__}: {problem}"
        raise UserError(
            f"SERVING_COMPILE is true, but the model cannot be compiled: {problem}; "
            "expected SERVING_COMPILE=false, or the compiler and the versions of libraries that torch.compile needs"
        ) from None
    log.info("model compiled in %.1f s", time.monotonic() - started)
