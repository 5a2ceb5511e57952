"""Bar charts of seconds and memory by matplotlib, and how every plot of the benchmarks becomes SVG."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.measure import Run

COLOURS = ("#2f6fdb", "#1d9a83", "#8a94a0", "#e08a1e")
# The same content gives the same bytes, whatever the user's own settings; texts stay texts, and a dollar a dollar.
SETTINGS = {"svg.hashsalt": "benchmarks", "svg.fonttype": "none", "text.parse_math": False}
WIDTH, BAR, MARGIN = 9.0, 0.3, 0.8  # inches: of the figure, of each bar, and around the bars of a group


def as_svg(figure: Figure) -> str:
    """`figure` as SVG, without a date."""
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return written.getvalue()


def bars(title: str, results: Mapping[str, Mapping[str, Run]]) -> str:
    """An SVG with two bars, seconds and memory, for each way in each group of `results`."""
    with style.context(["default", SETTINGS]):
        return as_svg(bar_figure(title, results))


def bar_figure(title: str, results: Mapping[str, Mapping[str, Run]]) -> Figure:
    """A row of two axes, seconds and memory, for each group."""
    heights = [MARGIN + BAR * len(runs) for runs in results.values()]
    figure = Figure(figsize=(WIDTH, 0.4 + sum(heights)), layout="constrained")
    figure.suptitle(title, x=0.01, horizontalalignment="left", weight="bold")
    pairs = figure.subplots(len(results), 2, squeeze=False, height_ratios=heights)
    for (group, runs), (left, right) in zip(results.items(), pairs, strict=True):
        names = [f"{name} (killed)" if run.killed else name for name, run in runs.items()]
        draw(left, f"{group}: wall clock", names, [run.seconds for run in runs.values()], "s")
        draw(right, f"{group}: peak memory", names, [run.peak / 1e6 for run in runs.values()], "MB")
        right.set_yticklabels([])
    return figure


def draw(axes: Axes, title: str, names: Sequence[str], values: Sequence[float], unit: str) -> None:
    """One bar a way, the first on top, each with its value."""
    places = range(len(names))
    drawn = axes.barh(places, values, color=[COLOURS[place % len(COLOURS)] for place in places])
    axes.bar_label(drawn, [f"{value:,.1f} {unit}" for value in values], padding=3)
    axes.set_title(title, loc="left", size="medium")
    axes.set(yticks=places, yticklabels=names, xticks=[], xlim=(0, 1.3 * max(values)))
    axes.invert_yaxis()
    axes.spines[["top", "right", "bottom"]].set_visible(False)
