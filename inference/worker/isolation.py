"""Warm-up check that a text scores the same alone and in a batch; else one row a forward pass."""

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
# Of the largest logit. What rounding makes of a pass of another shape is a tenth of it.
TOLERANCE = {torch.float32: 1e-4, torch.float16: 2e-2, torch.bfloat16: 1e-1}

log = logging.getLogger(__name__)


def ensure(classifier: Classifier) -> None:
    """Compare texts alone with the same texts together; where they differ, each text gets a pass of its own.

    Models with layers that the attention mask does not reach are so: FNet, ConvBERT, MobileBERT, Nystromformer.
    """
    reason = dependence(classifier)
    if reason:
        log.warning("each text gets a forward pass of its own: %s", reason)
        classifier.isolated = True


def dependence(classifier: Classifier) -> str:
    """How texts alone and together differ, in words; empty where they do not."""
    rows = classifier.encode(Request([Text(text) for text in TEXTS]))
    classifier.forward.choose_padding(rows)
    alone = torch.cat([classifier.forward.once([row]) for row in rows])
    try:
        difference = relative(alone, classifier.forward.once(rows))
    except Exception as error:
        return f"the model does not take several together ({type(error).__name__})"
    if difference <= TOLERANCE[classifier.loaded.device.dtype]:
        return ""
    return f"its logits change with the texts beside it, by up to {difference:.2g} of the largest"


def relative(expected: torch.Tensor, found: torch.Tensor) -> float:
    """The largest difference, as a share of the largest value of `expected`; NaN where one of them has any."""
    return ((found - expected).abs().max() / expected.abs().max().clamp_min(1e-6)).item()
