"""report.html of training: what its template shows of metrics, history, confusion matrix, calibration and mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from contract.page import intcomma, name_value_rows, percent, render
from training.evaluation.calibration import Bin, bins
from training.evaluation.predictions import Predictions
from training.evaluation.scores import ClassScores, by_class
from training.metrics import ERRORS, text
from training.results import svg_chart
from training.results.history import History, Series, loss, pace, quality
from training.results.svg_chart import Chart
from training.results.worst_predictions import Mistake

TEMPLATE = Path(__file__).with_suffix(".html.jinja")
MOST_NAMED, MOST_CLASSES, MOST_CONFUSIONS = 3, 30, 20
MOST_POINTS = 1_000
# The main figures of an evaluation by problem type, the first with its channel.
MAIN = {
    SINGLE_LABEL: ("accuracy", "f1", "loss"),
    MULTI_LABEL: ("subset_accuracy", "f1", "loss"),
    REGRESSION: ("rmse", "pearson", "loss"),
}
AT_THRESHOLD = "_at_threshold"
HEADINGS = {"validation": "on validation", "test": "on test"}


@dataclass(frozen=True)
class Report:
    """Everything that the page shows.

    Attributes:
        title: what was trained, in a line.
        metrics: of the delivered weights.
        history: what was logged, by step.
        label_names: of the classes.
        predictions: by channel.
        mistakes: the worst rows of one channel; empty where no text was kept.
        arguments: hyperparameters.
        versions: of the libraries.
        thresholds: (labels,), chosen on validation for each of several labels; None for a half.
        temperature: that logits are divided by; None for 1.
    """

    title: str
    metrics: Mapping[str, float]
    history: History
    label_names: Sequence[str]
    predictions: Mapping[str, Predictions]
    mistakes: Sequence[Mistake] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    thresholds: np.ndarray | None = None
    temperature: float | None = None

    def classes(self, channel: str) -> list[ClassScores]:
        """The scores of each class, or of each label at its threshold, on `channel`; none for regression."""
        found = self.predictions[channel]
        if found.problem_type == REGRESSION:
            return []
        if found.problem_type != MULTI_LABEL or self.thresholds is None:
            return by_class(found, self.label_names)
        scaled = found.scaled(self.temperature) if self.temperature else found
        return by_class(found, self.label_names, scaled.at(self.thresholds))


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion matrix: its rows, of `whole` rows of the true class."""

    rows: int
    whole: int
    is_hit: bool

    @property
    def opacity(self) -> int:
        """Of the background, in percent: the more rows, the darker."""
        return round(55 * self.rows / max(self.whole, 1))


def page(report: Report) -> str:
    """The page, with the predictions on the last channel."""
    judged = list(report.predictions)[-1]
    return render(
        TEMPLATE,
        report=report,
        judged=HEADINGS[judged],
        figures=figures(report, judged),
        has_threshold=any(name.endswith(AT_THRESHOLD) for name in report.metrics),
        loss=curve(loss(report.history), "Loss"),
        quality=curve(quality(report.history), "Scores on validation"),
        learning_rate=curve(pace(report.history), "Learning rate"),
        metrics=[(name, text(value)) for name, value in report.metrics.items()],
        hyperparameters=name_value_rows(report.arguments),
        versions=name_value_rows(report.versions),
        **judgement(report, judged),
    )


def judgement(report: Report, judged: str) -> dict[str, Any]:
    """What is shown of the predictions on the channel `judged` by problem type; None for what is not."""
    found, names = report.predictions[judged], report.label_names
    shown: dict[str, Any] = dict.fromkeys(
        (
            "heads",
            "matrix",
            "confusions",
            "classes",
            "labels",
            "scatter",
            "reliability",
            "calibration_error",
            "scaled_error",
            "is_temperature_kept",
        )
    )
    if found.problem_type == REGRESSION:
        return shown | {"scatter": scatter(found)}
    parts = bins(found)
    shown |= {"reliability": reliability(parts), "calibration_error": calibration_error(parts)}
    if report.temperature == 1:
        shown |= {"is_temperature_kept": True}
    elif report.temperature:
        shown |= {"scaled_error": calibration_error(bins(found.scaled(report.temperature)))}
    classes = report.classes(judged)
    if found.problem_type == MULTI_LABEL:
        return shown | {"labels": label_rows(classes, report.thresholds)}
    matrix = found.matrix
    return shown | {
        # Where columns are many there is no room for names: the table of classes has them with their numbers.
        "heads": [str(place) for place in range(len(names))] if len(names) > MOST_NAMED else names,
        "matrix": cells(matrix) if len(names) <= MOST_CLASSES else None,
        "confusions": confusions(matrix, names),
        "classes": class_rows(classes),
    }


def label_rows(found: Sequence[ClassScores], thresholds: np.ndarray | None) -> list[tuple[str, ...]]:
    """Rows, threshold, precision, recall and F1 of each label."""
    values = [0.5] * len(found) if thresholds is None else thresholds.tolist()
    return [
        (each.name, intcomma(each.rows), f"{value:.3f}", *ratios(each))
        for each, value in zip(found, values, strict=True)
    ]


def scatter(found: Predictions) -> Chart:
    """Predicted numbers by true ones, of rows evenly over the order of evaluation."""
    rows = np.linspace(0, len(found.labels) - 1, min(len(found.labels), MOST_POINTS)).astype(int)
    true, predicted = found.labels[rows].tolist(), found.predicted[rows].tolist()
    ends = (min(true), max(true))
    series: Series = {
        "predicted": list(zip(true, predicted, strict=True)),
        "predicted = true": [(end, end) for end in ends],
    }
    return svg_chart.layout(series, "true", "Predicted by true numbers", scattered="predicted")


def figures(report: Report, judged: str) -> list[tuple[str, str]]:
    """The main figures, each with its name."""
    prefix = "eval" if judged == "validation" else judged
    metrics = report.metrics
    shown = scores(metrics, prefix, MAIN[report.predictions[judged].problem_type], HEADINGS[judged])
    shown += [(f"{metrics['train_samples_per_second']:,.1f}", "rows/s in training")]
    shown += [(intcomma(metrics["train_tokens_per_second"]), "tokens/s, excluding padding")]
    shown += [(percent(metrics["train_padding_share"]), "padding, of all computed tokens")]
    if "train_peak_share" in metrics:
        shown += [(percent(metrics["train_peak_share"]), "model FLOPs utilization (MFU), bf16")]
    more = {"decision_threshold": "decision threshold", "temperature": "temperature of logits"}
    shown += [(f"{metrics[key]:.3f}", name) for key, name in more.items() if key in metrics]
    return shown


def scores(metrics: Mapping[str, float], prefix: str, names: Sequence[str], heading: str) -> list[tuple[str, str]]:
    """The scores `names`, the first with its channel; with decision_threshold first what the endpoint reaches."""
    shown = []
    by_threshold = {AT_THRESHOLD: ", at the decision threshold", "": ", at a threshold of 0.5"}
    for suffix, which in by_threshold.items() if f"{prefix}_{names[0]}{AT_THRESHOLD}" in metrics else [("", "")]:
        for name in names:
            number = metrics.get(f"{prefix}_{name}{suffix}")
            if number is None:
                continue
            is_first = name == names[0]
            # The loss is of the probabilities, whatever the threshold is.
            words = name.replace("_", " ") + (f" {heading}" if is_first else "") + ("" if name == "loss" else which)
            shown.append((percent(number) if is_first and name not in ERRORS else f"{number:.3f}", words))
    return shown


def curve(found: Series, title: str) -> Chart:
    """The chart of what was logged."""
    return svg_chart.layout({name: points for name, points in found.items() if points}, "step", f"{title} by step")


def cells(matrix: np.ndarray) -> list[list[Cell]]:
    """The cells of the confusion matrix, by true and predicted class."""
    return [
        [Cell(int(rows), int(row.sum()), is_hit=true == column) for column, rows in enumerate(row)]
        for true, row in enumerate(matrix)
    ]


def confusions(matrix: np.ndarray, names: Sequence[str]) -> list[tuple[str, str, str]]:
    """The most frequent mistakes."""
    wrong = matrix * (1 - np.eye(len(matrix), dtype=matrix.dtype))
    places = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSIONS]
    found = [np.unravel_index(place, matrix.shape) for place in places if wrong.flat[place]]
    return [(names[int(i)], names[int(j)], intcomma(int(wrong[i, j]))) for i, j in found]


def class_rows(found: Sequence[ClassScores]) -> list[tuple[str, ...]]:
    """Rows, precision, recall and F1 of each class; numbered where the matrix has numbers for names."""
    names = [f"{place} {each.name}" if len(found) > MOST_NAMED else each.name for place, each in enumerate(found)]
    return [(name, intcomma(each.rows), *ratios(each)) for name, each in zip(names, found, strict=True)]


def ratios(found: ClassScores) -> tuple[str, str, str]:
    """Precision, recall and F1."""
    return percent(found.precision), percent(found.recall), percent(found.f1)


def reliability(parts: Sequence[Bin]) -> Chart:
    """The reliability diagram: accuracy by confidence."""
    least = parts[0].low if parts else 0.0
    found: Series = {
        "observed accuracy": [(part.confidence, part.accuracy) for part in parts],
        "perfectly calibrated": [(least, least), (1.0, 1.0)],
    }
    return svg_chart.layout(found, "confidence", "Accuracy by confidence")


def calibration_error(parts: Sequence[Bin]) -> float:
    """The expected calibration error, 0..1."""
    whole = sum(part.rows for part in parts)
    return sum(part.rows * abs(part.confidence - part.accuracy) for part in parts) / max(whole, 1)
