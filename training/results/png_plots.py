"""PNG plots by matplotlib: learning curves, confusion matrix, and scatter plot of regression."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from training.results.history import History, Series, loss, quality

CURVES_FILE, CONFUSION_FILE, SCATTER_FILE = "curves.png", "confusion_matrix.png", "predicted_by_true.png"
DPI = 120
MOST_NAMES, MOST_NUMBERS = 60, 20


def write_curves(folder: Path, history: History) -> None:
    """Loss and scores by step, side by side."""
    figure = Figure(figsize=(10, 4), dpi=DPI, layout="constrained")
    left, right = figure.subplots(1, 2)
    plot(left, "Loss", loss(history))
    plot(right, "Scores on validation", quality(history))
    figure.savefig(folder / CURVES_FILE)


def plot(axes: Any, title: str, found: Series) -> None:
    present = {name: points for name, points in found.items() if points}
    for name, points in present.items():
        axes.plot(*zip(*points, strict=True), label=name, marker="o" if len(points) < 40 else None, markersize=3)
    axes.set(title=title, xlabel="step")
    axes.grid(alpha=0.3)
    if present:
        axes.legend()


def write_confusion(folder: Path, matrix: np.ndarray, names: Sequence[str]) -> None:
    """Shares of each true class, with names and counts where there is room for them."""
    size = min(2.5 + 0.6 * len(names), 14)
    figure = Figure(figsize=(size + 1, size), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true")
    if len(names) <= MOST_NAMES:
        places, shown = range(len(names)), [plain(name) for name in names]
        axes.set_yticks(places, shown)
        axes.set_xticks(places, shown, rotation=90 if len(names) > 4 else 0)
    for (true, predicted), rows in np.ndenumerate(matrix if len(names) <= MOST_NUMBERS else matrix[:0]):
        colour = "white" if shares[true, predicted] > 0.6 else "black"
        axes.text(predicted, true, f"{rows:,}", ha="center", va="center", color=colour)
    figure.savefig(folder / CONFUSION_FILE)


def write_scatter(folder: Path, labels: np.ndarray, predicted: np.ndarray) -> None:
    """Predicted numbers by true ones, with the line on which they are equal."""
    figure = Figure(figsize=(5, 5), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    axes.scatter(labels, predicted, s=6, alpha=0.4)
    ends = [float(labels.min()), float(labels.max())]
    axes.plot(ends, ends, linewidth=1, color="grey")
    axes.set(xlabel="true", ylabel="predicted")
    axes.grid(alpha=0.3)
    figure.savefig(folder / SCATTER_FILE)


def plain(name: str) -> str:
    """`name` as it is: matplotlib takes what is between two dollars for a formula."""
    return name.replace("$", r"\$")
