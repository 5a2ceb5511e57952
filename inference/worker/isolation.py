"""Warm-up check that a text gets the same logits alone and in a batch; else each text gets its own forward pass."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import torch

from inference.worker.request import Request, Text

if TYPE_CHECKING:
    from inference.worker.classifier import Classifier

TEXTS = (
    "good",
    "neither good nor bad",
    "the first half is slow, but the end makes up for all of it",
    " ".join(["it is as good as they say, and twice as long as it would have to be."] * 4),
)
# Largest allowed difference, relative to the largest logit: ten times the rounding error between batch shapes.
TOLERANCE = {torch.float32: 1e-4, torch.float16: 2e-2, torch.bfloat16: 1e-1}
# A value that rounds to the next of 127 steps.
INT8_TOLERANCE = 2e-2

log = logging.getLogger(__name__)


def ensure(classifier: Classifier) -> None:
    """Compare the logits of texts alone and in a batch; if they differ, give each text its own forward pass.

    They differ in models with layers that ignore the attention mask: FNet, ConvBERT, MobileBERT, Nystromformer.
    """
    reason = dependence(classifier)
    if reason:
        log.warning("each text gets a forward pass of its own: %s", reason)
        classifier.isolated = True


def dependence(classifier: Classifier) -> str:
    """How the logits of texts alone and in a batch differ, in words; empty if they do not."""
    rows = classifier.encode(Request([Text(text) for text in TEXTS]))
    classifier.forward.choose_padding(rows)
    alone = torch.cat([classifier.forward.once([row]) for row in rows])
    try:
        difference = relative(alone, classifier.forward.once(rows))
    except Exception as error:
        return f"the model does not accept several texts in one batch ({type(error).__name__})"
    if difference <= TOLERANCE.get(classifier.loaded.device.dtype, INT8_TOLERANCE):
        return ""
    return f"its logits depend on the other texts of the batch, by up to {difference:.2g} of the largest logit"


def relative(expected: torch.Tensor, actual: torch.Tensor) -> float:
    """The largest absolute difference divided by the largest absolute value of `expected`; NaN if one has a NaN."""
    return ((actual - expected).abs().max() / expected.abs().max().clamp_min(1e-6)).item()
