"""Warm-up check that a text scores the same alone and in a batch; else one row a forward pass."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import torch

from inference.request import Request, Text

if TYPE_CHECKING:
    from inference.classifier import Classifier

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

    So it is with models that let padding take part (FNet), or that were given none which they know.
    """
    rows = classifier.encode(Request([Text(text) for text in TEXTS]))
    classifier.forward.choose_padding(rows)
    alone = torch.cat([classifier.forward.once([row]) for row in rows])
    try:
        difference = relative(alone, classifier.forward.once(rows))
    except Exception as error:
        log.warning("texts cannot share a forward pass (%s): each gets one of its own", type(error).__name__)
        classifier.isolated = True
        return
    if not difference <= TOLERANCE[classifier.loaded.device.dtype]:
        log.warning(
            "logits of a text change by up to %.2g of the largest with the texts that share its forward pass: "
            "each gets one of its own",
            difference,
        )
        classifier.isolated = True


def relative(expected: torch.Tensor, found: torch.Tensor) -> float:
    """The largest difference, as a share of the largest value of `expected`; NaN where one of them has any."""
    return ((found - expected).abs().max() / expected.abs().max().clamp_min(1e-6)).item()
