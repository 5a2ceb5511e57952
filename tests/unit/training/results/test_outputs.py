import json
from pathlib import Path
from typing import Any

import numpy as np

from training.evaluation.predictions import Predictions
from training.results import outputs
from training.results.html_report import Report

SPEED = dict.fromkeys(("train_samples_per_second", "train_tokens_per_second", "train_padding_share"), 0.5)


def test_programs_find_numbers_and_people_pictures(tmp_path: Path) -> None:
    content: dict[str, Any] = {
        "title": "",
        "metrics": {"eval_loss": 0.25, "eval_accuracy": 0.5, "eval_f1": 1 / 3, **SPEED},
        "history": [{"step": 1, "loss": 1.0}],
        "label_names": ("a", "b"),
        "predictions": {"validation": Predictions(np.array([0, 1]), np.eye(2))},
        "arguments": {"run_name": ' "$HOME" ', "seed": 3},
    }
    outputs.write(tmp_path, Report(**content))
    assert (tmp_path / "eval_results.txt").read_text() == "eval_accuracy = 0.5\neval_f1 = 0.333333\neval_loss = 0.25\n"
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert found["hyperparameters"] == content["arguments"]
    assert found["metrics"] == content["metrics"]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"metrics.json", "eval_results.txt", "report.html", "curves.png", "confusion_matrix.png"}
