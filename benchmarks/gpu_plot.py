"""Plots of what benchmarks/gpu_bench.py measured: samples/s of training, texts/s of serving, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib import style
from matplotlib.figure import Figure

from benchmarks.plot import BAR, MARGIN, SETTINGS, WIDTH, as_svg, draw

Figures = dict[str, Any]


def plot(results: Sequence[Figures]) -> str:
    """An SVG with a row of bars for each part, model and length; what was not measured is left out."""
    groups: dict[str, dict[str, float]] = {}
    for each in results:
        rate = each.get("samples") if each["part"] == "training" else each.get("rate")
        if rate is not None:
            clients = f", {each['clients']} clients" if "clients" in each else ""
            title = f"{each['part']}: {each['model']}, at most {each['limit']} tokens"
            groups.setdefault(title, {})[f"{each['program']}{clients}"] = rate
    with style.context(["default", SETTINGS]):
        return as_svg(figure(groups))


def figure(groups: dict[str, dict[str, float]]) -> Figure:
    """A set of axes for each group."""
    heights = [MARGIN + BAR * len(bars) for bars in groups.values()] or [MARGIN]
    drawn = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    rows = drawn.subplots(max(len(groups), 1), 1, squeeze=False, height_ratios=heights)
    for (title, bars), [axes] in zip(groups.items(), rows, strict=False):
        unit = "samples/s" if title.startswith("training") else "texts/s"
        draw(axes, title, list(bars), list(bars.values()), unit)
    return drawn
