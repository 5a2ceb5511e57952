"""METRIC_DEFINITIONS: regular expressions by which SageMaker reads metrics from the log of a training job."""

from __future__ import annotations

NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:e[-+]?[0-9]+)?|nan|-?inf)"

# Name of each metric, and its name in the log.
METRICS = {
    "train:loss": "loss",
    "train:learning_rate": "learning_rate",
    "train:samples_per_second": "train_samples_per_second",
    "train:tokens_per_second": "train_tokens_per_second",
    "train:padding_share": "train_padding_share",
    # Model FLOPs utilization (MFU), on GPUs whose peak is known.
    "train:peak_share": "train_peak_share",
    "validation:loss": "eval_loss",
    "validation:accuracy": "eval_accuracy",
    "validation:f1": "eval_f1",
    "validation:precision": "eval_precision",
    "validation:recall": "eval_recall",
    "validation:calibration_error": "eval_calibration_error",
    "test:loss": "test_loss",
    "test:accuracy": "test_accuracy",
    "test:f1": "test_f1",
    "test:precision": "test_precision",
    "test:recall": "test_recall",
}

METRIC_DEFINITIONS = [{"Name": name, "Regex": rf" {logged} = {NUMBER}$"} for name, logged in METRICS.items()]
