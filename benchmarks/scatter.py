"""Scatter plot of throughput against 99th percentile latency by matplotlib, as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator, StrMethodFormatter

from benchmarks.plot import COLOURS, SETTINGS, WIDTH, as_svg

HEIGHT, LINE = 5.5, 0.25  # inches: of the plot, and of each line below it
SIZE = 14  # of a point, in typographic points


@dataclass(frozen=True)
class Point:
    """One measurement: who, under what, texts a second, and the 99th percentile of the waits in ms."""

    name: str
    workload: str
    rate: float
    p99: float


def scatter(title: str, points: Sequence[Point]) -> str:
    """An SVG with a colour for each name; workloads are numbered, and named below the plot."""
    with style.context(["default", SETTINGS]):
        return as_svg(scatter_figure(title, points))


def scatter_figure(title: str, points: Sequence[Point]) -> Figure:
    workloads = list(dict.fromkeys(point.workload for point in points))
    figure = Figure(figsize=(WIDTH, HEIGHT + LINE * len(workloads)), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left", weight="bold")
    axes.set(xscale="log", yscale="log", xlabel="texts/s", ylabel="p99, ms")
    axes.set(xlim=decades([point.rate for point in points]), ylim=decades([point.p99 for point in points]))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:,.15g}"))
        axis.set_minor_locator(NullLocator())
    axes.grid(color="#d0d7de")
    draw(axes, points, workloads)
    numbered = [f"{place + 1}  {words}" for place, words in enumerate(workloads)]
    nothing = [Line2D([], [], linestyle="") for _ in workloads]
    figure.legend(nothing, numbered, loc="outside lower left", handlelength=0, handletextpad=0, frameon=False)
    return figure


def draw(axes: Axes, points: Sequence[Point], workloads: Sequence[str]) -> None:
    """Points with their numbers inside: beside them, the numbers of near points would lie on each other."""
    names = dict.fromkeys(point.name for point in points)
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
    for point in points:
        # Of one zorder, so that a later point covers the number of an earlier one too.
        axes.plot(point.rate, point.p99, "o", color=colours[point.name], markersize=SIZE, zorder=3)
        number = str(workloads.index(point.workload) + 1)
        axes.text(
            point.rate, point.p99, number, color="white", weight="bold", ha="center", va="center_baseline", zorder=3
        )
    named = [Line2D([], [], marker="o", linestyle="", color=colour) for colour in colours.values()]
    axes.legend(named, list(colours), loc="best")


def decades(values: Sequence[float]) -> tuple[float, float]:
    """The ends of the whole decades that hold `values`, at least one."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return 10.0**low, 10.0 ** max(high, low + 1)
