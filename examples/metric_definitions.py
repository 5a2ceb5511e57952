"""METRIC_DEFINITIONS: regular expressions by which SageMaker reads metrics from the log of a training job."""

from __future__ import annotations

NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:e[-+]?[0-9]+)?|nan|-?inf)"

# Name of each metric, and its name in the log. Each problem type logs its own; SageMaker takes at most 40 definitions.
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
    "validation:f1_macro": "eval_f1_macro",
    "validation:f1_micro": "eval_f1_micro",
    "validation:f1_weighted": "eval_f1_weighted",
    "validation:mcc": "eval_mcc",
    "validation:roc_auc": "eval_roc_auc",
    "validation:average_precision": "eval_average_precision",
    "validation:calibration_error": "eval_calibration_error",
    # Of several labels.
    "validation:subset_accuracy": "eval_subset_accuracy",
    "validation:hamming_loss": "eval_hamming_loss",
    # Of regression.
    "validation:rmse": "eval_rmse",
    "validation:mae": "eval_mae",
    "validation:pearson": "eval_pearson",
    "validation:spearman": "eval_spearman",
    "test:loss": "test_loss",
    "test:accuracy": "test_accuracy",
    "test:f1": "test_f1",
    "test:precision": "test_precision",
    "test:recall": "test_recall",
    "test:mcc": "test_mcc",
    "test:roc_auc": "test_roc_auc",
    "test:average_precision": "test_average_precision",
    "test:subset_accuracy": "test_subset_accuracy",
    "test:hamming_loss": "test_hamming_loss",
    "test:rmse": "test_rmse",
    "test:mae": "test_mae",
    "test:pearson": "test_pearson",
    "test:spearman": "test_spearman",
}

METRIC_DEFINITIONS = [{"Name": name, "Regex": rf" {logged} = {NUMBER}$"} for name, logged in METRICS.items()]
