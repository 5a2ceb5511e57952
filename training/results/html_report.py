"""report.html of training: tiles, curves, confusion matrix, classes, reliability diagram, worst predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from contract.markup import Markup, count, element, share, table
from contract.page import details, document, legend, plain, section, tiles
from training.evaluation.calibration import Bin
from training.metrics import text
from training.results import svg_chart
from training.results.history import History, Series, loss, pace, quality
from training.results.worst_predictions import Mistake

MOST_NAMED, MOST_CLASSES, MOST_CONFUSIONS = 3, 10, 20
HEADINGS = {"validation": "on validation", "test": "on test"}


@dataclass(frozen=True)
class Report:
    """Everything that the page shows.

    Attributes:
        title: what was trained, in a line.
        metrics: of the delivered weights.
        history: what was logged, by step.
        label_names: of the classes.
        matrices: confusion matrix by channel, (classes, classes) int64, row = true class.
        bins: calibration by channel.
        mistakes: the worst rows of one channel; empty where no text was kept.
        arguments: hyperparameters.
        versions: of the libraries.
    """

    title: str
    metrics: Mapping[str, float]
    history: History
    label_names: Sequence[str]
    matrices: Mapping[str, np.ndarray]
    bins: Mapping[str, Sequence[Bin]]
    mistakes: Sequence[Mistake] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def page(report: Report) -> str:
    """The page."""
    judged = list(report.matrices)[-1]
    return document(
        "Trained classifier",
        report.title,
        figures(report, judged),
        element(
            "div",
            curve_section("Loss", loss(report.history)),
            curve_section("Scores on validation", quality(report.history)),
            class_="pair",
        ),
        element(
            "div",
            confusion_section(report.matrices[judged], report.label_names, judged),
            calibration_section(report.bins[judged], judged),
            class_="pair",
        ),
        mistakes_section(report.mistakes, report.label_names),
        details("Learning rate", *curve(pace(report.history), "Learning rate")),
        details("Metrics", table(("metric", "value"), named(report.metrics), [1])),
        details("Hyperparameters", table(("name", "value"), plain(report.arguments))),
        details("Versions", table(("of", "version"), plain(report.versions))),
    )


def named(values: Mapping[str, float]) -> list[tuple[str, str]]:
    return [(name, text(value)) for name, value in values.items()]


def figures(report: Report, judged: str) -> Markup:
    prefix = "eval" if judged == "validation" else judged
    metrics = report.metrics
    shown = [(share(metrics[f"{prefix}_accuracy"], 1), f"accuracy {HEADINGS[judged]}")]
    shown += [(f"{metrics[f'{prefix}_{name}']:.3f}", name) for name in ("f1", "loss")]
    shown += [(f"{metrics['train_samples_per_second']:,.1f}", "rows/s in training")]
    shown += [(f"{metrics['train_tokens_per_second']:,.0f}", "tokens/s, excluding padding")]
    shown += [(share(metrics["train_padding_share"], 1), "padding, of all computed tokens")]
    if "train_peak_share" in metrics:
        shown += [(share(metrics["train_peak_share"], 1), "model FLOPs utilization (MFU), bf16")]
    if "decision_threshold" in metrics:
        shown += [(f"{metrics['decision_threshold']:.3f}", "decision threshold")]
    return tiles(shown)


def curve_section(title: str, found: Series) -> Markup:
    return section(title, *curve(found, title))


def curve(found: Series, title: str) -> list[Markup]:
    """The chart of what was logged, below a legend where lines are several."""
    present = {name: points for name, points in found.items() if points}
    return [*([legend(present)] if len(present) > 1 else []), svg_chart.lines(present, "step", f"{title} by step")]


def confusion_section(matrix: np.ndarray, names: Sequence[str], judged: str) -> Markup:
    title = f"Confusion matrix {HEADINGS[judged]}"
    is_numbered = len(names) > MOST_NAMED
    scores = classes_table(matrix, [f"{i} {name}" for i, name in enumerate(names)] if is_numbered else names)
    if len(names) > MOST_CLASSES:
        return section(title, table(("true class", "predicted", "rows"), confusions(matrix, names), [2]), scores)
    # Where columns are many there is no room for names: the table of classes below has them with their numbers.
    heads = [str(place) if is_numbered else name for place, name in enumerate(names)]
    rows = [
        [heads[true], *(cell(row, column, is_hit=column == true) for column in range(len(names)))]
        for true, row in enumerate(matrix)
    ]
    told = "One row per true class, one column per predicted class; percentages are of the row."
    return section(
        title, table(("", *heads), rows, range(1, len(names) + 1)), element("p", told, class_="soft"), scores
    )


def cell(row: np.ndarray, column: int, is_hit: bool) -> Markup:
    """Rows and their share of the true class, the darker the more."""
    rows, whole = int(row[column]), int(row.sum())
    colour = "kept" if is_hit else "cut"
    style = f"background:color-mix(in srgb, var(--{colour}) {55 * rows / max(whole, 1):.0f}%, transparent)"
    return element("span", count(rows), " ", element("small", share(rows, whole)), style=style, class_="cell")


def confusions(matrix: np.ndarray, names: Sequence[str]) -> list[tuple[str, str, str]]:
    """The most frequent mistakes."""
    wrong = matrix * (1 - np.eye(len(matrix), dtype=matrix.dtype))
    places = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSIONS]
    found = [np.unravel_index(place, matrix.shape) for place in places if wrong.flat[place]]
    return [(names[int(i)], names[int(j)], count(int(wrong[i, j]))) for i, j in found]


def classes_table(matrix: np.ndarray, names: Sequence[str]) -> Markup:
    """Rows, precision and recall of each class."""
    hits, true, predicted = np.diag(matrix), matrix.sum(1), matrix.sum(0)
    rows = [
        (name, count(int(true[i])), share(int(hits[i]), int(predicted[i])), share(int(hits[i]), int(true[i])))
        for i, name in enumerate(names)
    ]
    return table(("class", "rows", "precision", "recall"), rows, [1, 2, 3])


def calibration_section(bins: Sequence[Bin], judged: str) -> Markup:
    whole = sum(part.rows for part in bins)
    error = sum(part.rows * abs(part.confidence - part.accuracy) for part in bins) / max(whole, 1)
    least = bins[0].low if bins else 0.0
    found: Series = {
        "observed accuracy": [(part.confidence, part.accuracy) for part in bins],
        "perfectly calibrated": [(least, least), (1.0, 1.0)],
    }
    told = f"Expected calibration error: {share(error, 1)}."
    return section(
        f"Reliability diagram {HEADINGS[judged]}",
        legend(found),
        svg_chart.lines(found, "confidence", "Accuracy by confidence"),
        element("p", told, class_="soft"),
    )


def mistakes_section(mistakes: Sequence[Mistake], names: Sequence[str]) -> Markup:
    if not mistakes:
        return Markup("")
    return section(
        "Misclassified rows with the lowest probability of their true class",
        *(mistake_row(row, names) for row in mistakes),
    )


def mistake_row(row: Mistake, names: Sequence[str]) -> Markup:
    return element(
        "div",
        element("span", f"is {names[row.label]}", class_="tag"),
        element("span", f"taken for {names[row.predicted]}", class_="tag cut"),
        element("span", f"{share(row.probability, 1)} for the truth", class_="tag"),
        element("p", row.text),
        class_="row",
    )
