"""The plot of throughput against waiting time."""

import re
from xml.etree import ElementTree

from benchmarks.scatter import Axis, Point, scatter

POINTS = [Point("ours & theirs", "1 client", 50, 20), Point("other", "1 client", 5, 200), Point("other", "8", 500, 2)]


def test_more_is_right_and_sooner_is_lower() -> None:
    shown = scatter("p99 <ms>", POINTS)
    ElementTree.fromstring(shown)  # noqa: S314 (our own text)
    assert "ours &amp; theirs" in shown and "p99 &lt;ms&gt;" in shown
    circles = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="8"', shown)
    [(x, y), (left, high), (right, low)] = [(float(cx), float(cy)) for cx, cy in circles]
    assert left < x < right
    assert high < y < low
    assert re.findall(r">(\d+)</text>\n(?=<circle|<text)", shown)[-3:] == ["1", "1", "2"]


def test_a_decade_is_as_long_as_the_next() -> None:
    axis = Axis.over([3, 250], start=0, end=300)
    assert (axis.low, axis.high, axis.ticks) == (1, 1000, [1, 10, 100, 1000])
    assert [round(axis.place(tick)) for tick in axis.ticks] == [0, 100, 200, 300]
