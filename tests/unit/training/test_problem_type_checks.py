from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from transformers import TrainingArguments

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from contract.failures import UserError
from training.data.channel import Channel, Channels
from training.hyperparameters import Hyperparameters
from training.options import TrainingOptions
from training.problem_type_checks import check

NAMES = {SINGLE_LABEL: ("a", "b", "c"), MULTI_LABEL: ("a", "b"), REGRESSION: ("LABEL_0",)}
LABELS = {
    SINGLE_LABEL: np.array([0, 1, 2]),
    MULTI_LABEL: np.array([[0, 1], [1, 1]], dtype=np.float32),
    REGRESSION: np.array([0.5, 2], dtype=np.float32),
}


def checked(kind: str, metric: str = "loss", smoothing: float = 0.0, same: bool = False, **options: Any) -> None:
    labels = LABELS[kind][:1].repeat(2, axis=0) if same else LABELS[kind]
    rows: Any = None
    channel = Channel(rows, labels, labels, None, NAMES[kind], problem_type=kind)
    args = TrainingArguments(
        output_dir="out", use_cpu=True, metric_for_best_model=metric, label_smoothing_factor=smoothing
    )
    check(Hyperparameters(replace(TrainingOptions(), **options), {}), args, Channels(channel, channel, None, 8))


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (REGRESSION, {"class_weights": "balanced"}, "class_weights is balanced, but problem_type is regression"),
        (REGRESSION, {"smoothing": 0.1}, "label_smoothing_factor is 0.1, but problem_type is regression"),
        (REGRESSION, {"focal_gamma": 2.0}, "focal_gamma is 2.0, but problem_type is regression"),
        (REGRESSION, {"temperature_scaling": True}, "temperature_scaling is True, but problem_type is regression"),
        (SINGLE_LABEL, {"regression_loss": "l1"}, "regression_loss is l1, but problem_type is single_label"),
        (SINGLE_LABEL, {"decision_threshold": "best_f1"}, "is best_f1, but there are 3 classes; expected 2"),
        (SINGLE_LABEL, {"metric": "rmse"}, "is 'rmse', but problem_type is single_label_classification; expected one"),
        (REGRESSION, {"metric": "f1"}, "expected one of loss, rmse, mae, pearson, spearman"),
        (MULTI_LABEL, {"metric": "accuracy"}, "expected one of loss, subset_accuracy, hamming_loss"),
        (MULTI_LABEL, {"metric": "roc_auc", "same": True}, "all rows of channel validation have the same labels"),
        (REGRESSION, {"metric": "eval_pearson", "same": True}, "all rows of channel validation have the same labels"),
    ],
)
def test_what_has_no_effect_or_no_value_is_refused(kind: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        checked(kind, **settings)


def test_numbers_beyond_fp32_name_their_scale(caplog: pytest.LogCaptureFixture, monkeypatch: Any) -> None:
    monkeypatch.setitem(LABELS, REGRESSION, np.array([1, -1e30], dtype=np.float32))
    with pytest.raises(UserError, match=r"^channel train: labels are as large as 1e\+30, .* expected labels scaled to"):
        checked(REGRESSION)
    checked(REGRESSION, regression_loss="l1")
    assert "numbers of about 7.07e+29 (root mean square)" in caplog.text


def test_what_suits_passes() -> None:
    checked(MULTI_LABEL, "eval_roc_auc", 0.1, decision_threshold="best_f1", focal_gamma=2.0, class_weights="balanced")
    checked(REGRESSION, "pearson", regression_loss="l1")
    checked(SINGLE_LABEL, "mcc", temperature_scaling=True)
