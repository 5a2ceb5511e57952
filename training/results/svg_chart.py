"""Layout of line charts and scatter plots for report.html: axes, ticks, grid, thinned series."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 360, 150, 38, 8, 34
TICKS = 5
MOST_POINTS = 240
COLOURS = 4
MOST_DIGITS = 4


@dataclass(frozen=True)
class Tick:
    """A number at an axis. `place` is its x or y in units of the chart; `anchor` is SVG's text-anchor."""

    place: float
    text: str
    anchor: str


@dataclass(frozen=True)
class Line:
    """A series as points of the chart, the number of its colour, and whether a line joins the points."""

    points: Points
    colour: int
    has_dots: bool
    is_joined: bool = True

    @property
    def path(self) -> str:
        """The attribute points of an SVG polyline."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self.points)


@dataclass(frozen=True)
class Chart:
    """What svg_chart.svg.jinja draws.

    Attributes:
        label: what a reader who cannot see the chart is told.
        unit: below the x axis.
        names: of the series.
        lines: of the series; none where no value is finite.
    """

    label: str
    unit: str
    names: Sequence[str]
    lines: Sequence[Line] = ()
    x_ticks: Sequence[Tick] = ()
    y_ticks: Sequence[Tick] = ()
    left: ClassVar[int] = LEFT
    width: ClassVar[int] = WIDTH
    height: ClassVar[int] = TOP + HEIGHT + BOTTOM
    ground: ClassVar[int] = TOP + HEIGHT


def layout(series: Mapping[str, Points], unit: str, label: str, scattered: str = "") -> Chart:
    """A line for each series, with axes that end at round numbers.

    Args:
        series: (x, y) by name, at most COLOURS of them; values that are not finite leave a gap.
        unit: below the x axis.
        label: what a reader who cannot see the chart is told.
        scattered: name of the series whose points no line joins; all of them are drawn.
    """
    names = tuple(series)
    finite = {name: [p for p in points if all(map(math.isfinite, p))] for name, points in series.items()}
    shown = [points if name == scattered else thinned(points) for name, points in finite.items()]
    every = [point for points in shown for point in points]
    if not every:
        return Chart(label, unit, names)
    low_x, high_x = extent([x for x, _ in every])
    low, high, step = rounded(*extent([y for _, y in every]))

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - low_x) / (high_x - low_x)
        return LEFT + across * (WIDTH - LEFT - 8), TOP + HEIGHT * (1 - (y - low) / (high - low))

    lines = [line([place(*point) for point in points], number) for number, points in enumerate(shown)]
    lines = [
        replace(each, has_dots=True, is_joined=False) if name == scattered else each
        for name, each in zip(names, lines, strict=True)
    ]
    x_ticks = [x_tick(place(x, low)[0], x) for x in (low_x, middle(low_x, high_x), high_x)]
    return Chart(label, unit, names, lines, x_ticks, y_ticks(low, high, step))


def line(points: Points, number: int) -> Line:
    return Line(points, number % COLOURS, has_dots=len(points) <= MOST_POINTS // 6)


def thinned(points: Points) -> Points:
    """At most MOST_POINTS of `points`, each the mean of its neighbours where there are more."""
    size = -(-len(points) // MOST_POINTS)
    if size <= 1:
        return points
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(group[-1][0], sum(y for _, y in group) / len(group)) for group in groups]


def extent(values: Sequence[float]) -> tuple[float, float]:
    """Least and greatest value, apart from each other."""
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def middle(low: float, high: float) -> float:
    """Half way between `low` and `high`; a whole number where both are, as steps of a training are."""
    between = (low + high) / 2
    return math.floor(between) if float(low).is_integer() and float(high).is_integer() and high - low > 1 else between


def rounded(low: float, high: float) -> tuple[float, float, float]:
    """Ends outside of `low` and `high`, and the step between ticks, as multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return math.floor(low / step) * step, math.ceil(high / step) * step, step


def y_ticks(low: float, high: float, step: float) -> list[Tick]:
    """A tick of the y axis, and a line of the grid, for each multiple of `step`."""
    count = round((high - low) / step)
    digits = max(0, -math.floor(math.log10(step)))
    style = f",.{digits}f" if digits <= MOST_DIGITS else ".0e"
    return [
        Tick(TOP + HEIGHT * (1 - tick / count), format(low + tick * step, style), "end") for tick in range(count + 1)
    ]


def x_tick(x: float, value: float) -> Tick:
    text = f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"
    return Tick(x, text, "end" if x > WIDTH - 30 else "middle")
