"""report.html of training in a real browser, at the widths of a phone and of a desktop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from browsing import find, measured

from training.evaluation.predictions import Predictions
from training.results.html_report import Report, page
from training.results.worst_predictions import Mistake

pytestmark = pytest.mark.integration

SPEED = {"train_samples_per_second": 1234.5, "train_tokens_per_second": 456789.0, "train_padding_share": 0.021}
SCORES = {"test_accuracy": 0.931, "test_f1": 0.928, "test_loss": 0.212, "decision_threshold": 0.431}


@pytest.fixture(scope="module")
def browser() -> str:
    return find()


@pytest.fixture(scope="module", params=[2, 9])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with few or many classes, long names and texts without spaces."""
    classes, random = request.param, np.random.default_rng(0)
    labels = random.integers(classes, size=3000)
    scores = random.random((3000, classes)) + 1.2 * np.eye(classes)[labels]
    found = Predictions(labels, scores / scores.sum(1, keepdims=True))
    history = [
        {"step": step, "loss": 100 / step, "learning_rate": 5e-5 * (1 - step / 9e4)} for step in range(50, 90_000, 50)
    ]
    history += [{"step": 30_000 * n, "eval_loss": 0.5 / n, "eval_accuracy": 0.9 + n / 100} for n in (1, 2, 3)]
    content = Report(
        title="Trained from a model on 1,234,567 rows.",
        metrics={**SPEED, **SCORES},
        history=history,
        label_names=[f"A_RATHER_LONG_NAME_{i}" for i in range(classes)],
        predictions={"test": found},
        mistakes=[Mistake("x" * 400, "A_RATHER_LONG_NAME_0", "A_RATHER_LONG_NAME_1", "1.2% for the truth")],
        arguments={"run_name": "y" * 300},
    )
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(page(content))
    return file


@pytest.mark.parametrize("width", [375, 1100])
def test_no_label_is_cut_off_or_overlaps(browser: str, report: Path, width: int, tmp_path: Path) -> None:
    found = measured(browser, report, width, tmp_path)
    assert found["width"] <= width
    assert len(found["pictures"]) == 4
    for picture in found["pictures"]:
        assert picture["texts"] >= 8
        assert (picture["cut"], picture["overlaps"]) == (0, 0)
        assert 200 < picture["width"] <= width
