"""Temperature scaling: one number by which logits are divided, chosen on validation for the least cross entropy.

Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.
"""

from __future__ import annotations

import numpy as np

from contract.card import MULTI_LABEL
from training.evaluation.predictions import SMALLEST, Predictions

LEAST, MOST = 0.05, 20.0


def choose(found: Predictions) -> float:
    """The temperature with the least cross entropy on `found`, between 0.05 and 20."""
    # Imported late: it is needed once, at the end of a training.
    from scipy.optimize import minimize_scalar

    best = minimize_scalar(
        lambda exponent: cross_entropy(found.scaled(float(np.exp(exponent)))),
        bounds=(np.log(LEAST), np.log(MOST)),
        method="bounded",
    )
    return float(np.exp(best.x))


def cross_entropy(found: Predictions) -> float:
    """The mean over rows, or over rows and labels."""
    if found.problem_type == MULTI_LABEL:
        of_truth = np.where(found.labels > 0.5, found.scores, 1 - found.scores)
    else:
        of_truth = found.scores[np.arange(len(found.labels)), found.labels]
    return float(-np.log(np.maximum(of_truth, SMALLEST)).mean())
