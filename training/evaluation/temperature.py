"""Temperature scaling: one number by which logits are divided, chosen on validation for the least cross entropy.

It stays 1 where it would raise the calibration error there, as the least cross entropy of few rows can.

Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.
"""

from __future__ import annotations

import logging

import numpy as np

from contract.card import MULTI_LABEL
from training.evaluation.calibration import expected_error
from training.evaluation.predictions import SMALLEST, Predictions

LEAST, MOST = 0.05, 20.0

log = logging.getLogger(__name__)


def choose(found: Predictions) -> float:
    """The temperature with the least cross entropy on `found`, between 0.05 and 20; 1 if others calibrate worse."""
    # Imported late: it is needed once, at the end of a training.
    from scipy.optimize import minimize_scalar

    best = minimize_scalar(
        lambda exponent: cross_entropy(found.scaled(float(np.exp(exponent)))),
        bounds=(np.log(LEAST), np.log(MOST)),
        method="bounded",
    )
    temperature = float(np.exp(best.x))
    before, after = expected_error(found), expected_error(found.scaled(temperature))
    if after > before:
        log.warning(
            "temperature stays 1: %.3g has the least cross entropy on validation, but raises the calibration error "
            "from %.4f to %.4f",
            *(temperature, before, after),
        )
        return 1.0
    return temperature


def cross_entropy(found: Predictions) -> float:
    """The mean over rows, or over rows and labels."""
    if found.problem_type == MULTI_LABEL:
        of_truth = np.where(found.labels > 0.5, found.scores, 1 - found.scores)
    else:
        of_truth = found.scores[np.arange(len(found.labels)), found.labels]
    return float(-np.log(np.maximum(of_truth, SMALLEST)).mean())
