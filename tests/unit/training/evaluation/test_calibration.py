import numpy as np
import pytest

from training.evaluation.calibration import bins, expected_error
from training.evaluation.predictions import Predictions


def test_bins_hold_every_row_once_with_its_means() -> None:
    second = np.array([0.1, 0.05, 0.95, 0.62, 0.68, 1.0])
    found = Predictions(np.array([0, 1, 1, 1, 0, 1]), np.stack([1 - second, second], axis=1))
    parts = bins(found)
    assert [(part.low, part.rows, part.accuracy) for part in parts] == [(0.6, 2, 0.5), (0.9, 4, 0.75)]
    assert parts[0].confidence == pytest.approx(0.65)
    assert expected_error(found) == pytest.approx((2 * 0.15 + 4 * abs(0.95 - 0.75)) / 6)


def test_a_model_that_is_as_right_as_it_says_has_no_error() -> None:
    found = Predictions(np.array([0, 0, 0, 1]), np.tile([0.75, 0.25], (4, 1)))
    assert expected_error(found) == pytest.approx(0)
