"""The plot of throughput against waiting time."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
from matplotlib.figure import Figure

from benchmarks.scatter import Point, decades, scatter, scatter_figure

POINTS = [Point("ours & theirs", "1 client", 50, 20), Point("other", "1 client", 5, 200), Point("other", "8", 500, 2)]


def places(figure: Figure) -> list[tuple[float, float]]:
    """Where the points lie, in pixels from the lower left."""
    [axes] = figure.axes
    found = axes.transData.transform(np.concatenate([line.get_xydata() for line in axes.lines]))
    return [(float(x), float(y)) for x, y in found]


def test_throughput_is_on_the_x_axis_and_latency_on_the_y_axis() -> None:
    figure = scatter_figure("p99 <ms>", POINTS)
    [(x, y), (left, high), (right, low)] = places(figure)
    assert left < x < right
    assert low < y < high


def test_points_have_the_numbers_of_their_workloads_and_texts_are_texts() -> None:
    figure = scatter_figure("p99 <ms>", POINTS)
    [axes] = figure.axes
    assert [text.get_text() for text in axes.texts] == ["1", "1", "2"]
    assert [text.get_position() for text in axes.texts] == [(point.rate, point.p99) for point in POINTS]
    shown = scatter("p99 <ms>", POINTS)
    texts = [element.text for element in ElementTree.fromstring(shown).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314 (our own text)
    assert {"p99 <ms>", "ours & theirs", "other", "1  1 client", "2  8", "1,000"} <= set(texts)


def test_a_decade_is_as_long_as_the_next() -> None:
    assert decades([3, 250]) == (1, 1000)
    assert decades([5, 5]) == (1, 10)
    figure = scatter_figure("a", [Point("a", "b", 3, 3), Point("a", "b", 30, 30), Point("a", "b", 300, 300)])
    [(x1, y1), (x2, y2), (x3, y3)] = places(figure)
    assert abs((x2 - x1) - (x3 - x2)) < 1e-6 and abs((y2 - y1) - (y3 - y2)) < 1e-6
    assert figure.axes[0].get_xlim() == (1, 1000)


def test_the_same_points_give_the_same_bytes() -> None:
    assert scatter("a", POINTS) == scatter("a", POINTS)
    assert "<dc:date>" not in scatter("a", POINTS)
