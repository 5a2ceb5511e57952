from typing import Any

import numpy as np
import pytest
from jinja2 import UndefinedError

from contract.card import MULTI_LABEL
from contract.page import render
from training.evaluation.predictions import Predictions
from training.results.html_report import TEMPLATE, Report, confusions, page
from training.results.worst_predictions import Mistake

METRICS = {
    "eval_accuracy": 0.9, "eval_f1": 0.88, "eval_loss": 0.3, "test_accuracy": 0.8, "test_f1": 0.7, "test_loss": 0.4,
    "train_samples_per_second": 12.5, "train_tokens_per_second": 3456.0, "train_padding_share": 0.02,
}  # fmt: skip
HISTORY = [{"step": step, "loss": 1 / step, "learning_rate": 1e-5} for step in range(1, 9)]
HISTORY += [{"step": 8, "eval_loss": 0.3, "eval_accuracy": 0.9}]


def predictions(matrix: np.ndarray) -> Predictions:
    """As many rows of each true and predicted class as `matrix` says."""
    true, predicted = np.divmod(np.repeat(np.arange(matrix.size), matrix.reshape(-1)), len(matrix))
    return Predictions(true, np.eye(len(matrix))[predicted])


@pytest.fixture
def content() -> dict[str, Any]:
    matrix = np.array([[40, 10], [5, 45]])
    return {
        "title": "Trained from <base>",
        "metrics": METRICS,
        "history": HISTORY,
        "label_names": ("<bad>", "good"),
        "predictions": {"validation": predictions(matrix), "test": predictions(matrix[::-1])},
        "mistakes": [Mistake("<script>alert(1)</script>", "<bad>", "good", "1% for the truth")],
        "arguments": {"run_name": 'a "b" $c', "epochs": 3},
    }


def test_text_of_others_stays_text(content: dict[str, Any]) -> None:
    shown = page(Report(**content))
    assert "<script" not in shown and "<bad>" not in shown and "<base>" not in shown
    assert "&lt;script&gt;alert(1)" in shown
    assert "a &#34;b&#34; $c" in shown


@pytest.mark.parametrize("classes", [2, 5, 12])
def test_classes_and_reviews_are_escaped_and_not_dropped(content: dict[str, Any], classes: int) -> None:
    content["label_names"] = [f"<script>{place}" for place in range(classes)]
    content["predictions"] = {"validation": predictions(np.full((classes, classes), 3))}
    shown = page(Report(**content))
    assert "<script" not in shown
    assert "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>" in shown
    assert "is &lt;bad&gt;</span>" in shown and "taken for good</span>" in shown
    assert all(f"&lt;script&gt;{place}</td>" in shown for place in range(classes))


def test_a_name_that_the_template_lacks_is_an_error(content: dict[str, Any]) -> None:
    with pytest.raises(UndefinedError, match="undefined"):
        render(TEMPLATE, report=Report(**content))


def test_the_share_of_the_peak_is_shown_where_it_is_known(content: dict[str, Any]) -> None:
    assert "bf16" not in page(Report(**content))
    content["metrics"] = {**METRICS, "train_peak_share": 0.452}
    assert "45.2%</b><span>model FLOPs utilization (MFU), bf16" in page(Report(**content))


def test_scores_at_the_decision_threshold_come_first_and_are_told_from_the_others(content: dict[str, Any]) -> None:
    note = "Of predictions at a threshold of 0.5; the endpoint predicts at the decision threshold."
    shown = page(Report(**content))
    assert "threshold" not in shown
    at_threshold = {"test_accuracy_at_threshold": 0.85, "test_f1_at_threshold": 0.75, "decision_threshold": 0.3}
    shown = page(Report(**{**content, "metrics": {**METRICS, **at_threshold}}))
    tiles = [
        "85.0%</b><span>accuracy on test, at the decision threshold",
        "0.750</b><span>f1, at the decision threshold",
    ]
    tiles += ["80.0%</b><span>accuracy on test, at a threshold of 0.5", "0.700</b><span>f1, at a threshold of 0.5"]
    tiles += ["0.400</b><span>loss<", "0.300</b><span>decision threshold"]
    places = [shown.index(tile) for tile in tiles]
    assert places == sorted(places)
    assert shown.count(note) == 1


def test_the_last_channel_is_the_one_that_judges(content: dict[str, Any]) -> None:
    shown = page(Report(**content))
    assert "80.0%</b><span>accuracy on test" in shown
    alone = {**content, "predictions": {"validation": content["predictions"]["validation"]}}
    assert "90.0%</b><span>accuracy on validation" in page(Report(**alone))


def test_the_page_shows_counts_precision_and_recall(content: dict[str, Any]) -> None:
    content["predictions"] = {"validation": content["predictions"]["validation"]}
    shown = page(Report(**content))
    assert "40 <small>80.0%" in shown and "10 <small>20.0%" in shown
    assert '<td class="number">88.9%</td><td class="number">80.0%</td><td class="number">84.2%</td>' in shown


def test_several_labels_are_judged_at_their_thresholds(content: dict[str, Any]) -> None:
    labels = np.array([[1, 0], [1, 1], [0, 1], [0, 0]], dtype=np.float32)
    scores = np.array([[0.4, 0.1], [0.9, 0.9], [0.2, 0.8], [0.1, 0.7]])
    metrics = {**METRICS, "eval_subset_accuracy": 0.5}
    several = {**content, "metrics": metrics, "predictions": {"validation": Predictions(labels, scores, MULTI_LABEL)}}
    found = Report(**several, thresholds=np.array([0.3, 0.75]))
    assert [(each.precision, each.recall, each.f1) for each in found.classes("validation")] == [(1, 1, 1), (1, 1, 1)]
    assert "0.300" in page(found) and "0.750" in page(found) and "66.7%" not in page(found)
    assert "0.500" in page(Report(**several)) and "66.7%" in page(Report(**several))


def test_the_calibration_error_after_temperature_scaling_is_shown(content: dict[str, Any]) -> None:
    assert "after temperature scaling" not in page(Report(**content))
    assert "after temperature scaling" in page(Report(**content, temperature=2.0))


def test_no_mistakes_no_section(content: dict[str, Any]) -> None:
    heading = "Misclassified rows"
    assert heading in page(Report(**content))
    assert heading not in page(Report(**{**content, "mistakes": []}))


@pytest.mark.parametrize(("classes", "heading"), [(30, "Confusion matrix"), (31, "Most confused classes")])
def test_beyond_30_classes_the_most_confused_take_the_place_of_the_matrix(
    content: dict[str, Any], classes: int, heading: str
) -> None:
    content["label_names"] = [f"c{place}" for place in range(classes)]
    content["predictions"] = {"validation": predictions(np.ones((classes, classes), dtype=int))}
    shown = page(Report(**content))
    assert f"<h2>{heading} on validation</h2>" in shown


def test_many_classes_are_listed_by_their_mistakes() -> None:
    matrix = np.diag(np.full(30, 9))
    matrix[3, 7], matrix[1, 2] = 5, 8
    assert confusions(matrix, [f"c{i}" for i in range(30)]) == [("c1", "c2", "8"), ("c3", "c7", "5")]
