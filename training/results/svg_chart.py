"""Line charts as SVG for report.html: axes, ticks, grid, thinned series."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from contract.markup import Markup, element, joined

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 360.0, 150.0, 38.0, 8.0, 34.0
TICKS = 5
MOST_POINTS = 240
COLOURS = 4
MOST_DIGITS = 4


def lines(series: Mapping[str, Points], unit: str, label: str, dotted: bool = True) -> Markup:
    """A line for each series, with axes that end at round numbers.

    Args:
        series: (x, y) by name, at most COLOURS of them; values that are not finite leave a gap.
        unit: below the x axis.
        label: what a reader who cannot see the picture is told.
        dotted: whether points are marked.
    """
    shown = {name: thinned([p for p in points if all(map(math.isfinite, p))]) for name, points in series.items()}
    every = [point for points in shown.values() for point in points]
    if not every:
        return element("p", "No values.", class_="soft")
    low_x, high_x = extent([x for x, _ in every])
    low, high, step = rounded(*extent([y for _, y in every]))

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - low_x) / (high_x - low_x)
        return LEFT + across * (WIDTH - LEFT - 8), TOP + HEIGHT * (1 - (y - low) / (high - low))

    drawn = [
        path([place(*point) for point in points], number % COLOURS, dotted)
        for number, points in enumerate(shown.values())
    ]
    ground = TOP + HEIGHT
    marks = [x_tick(place(x, low)[0], x, ground) for x in (low_x, (low_x + high_x) / 2, high_x)]
    name = element("text", unit, x=f"{(LEFT + WIDTH) / 2:g}", y=f"{ground + 28:g}", text_anchor="middle", class_="soft")
    return element(
        "svg", *grid(low, high, step), *marks, *drawn, name,
        view_box=f"0 0 {WIDTH:g} {ground + BOTTOM:g}", role="img", aria_label=label,
    )  # fmt: skip


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


def rounded(low: float, high: float) -> tuple[float, float, float]:
    """Ends outside of `low` and `high`, and the step between ticks, as multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return math.floor(low / step) * step, math.ceil(high / step) * step, step


def grid(low: float, high: float, step: float) -> Iterator[Markup]:
    """A line and a number for each tick of the y axis."""
    count = round((high - low) / step)
    digits = max(0, -math.floor(math.log10(step)))
    style = f",.{digits}f" if digits <= MOST_DIGITS else ".0e"
    for tick in range(count + 1):
        y = TOP + HEIGHT * (1 - tick / count)
        yield element("line", x1=f"{LEFT:g}", x2=f"{WIDTH:g}", y1=f"{y:.1f}", y2=f"{y:.1f}", class_="grid")
        number = format(low + tick * step, style)
        yield element("text", number, x=f"{LEFT - 5:g}", y=f"{y + 3.5:.1f}", text_anchor="end", class_="soft")


def x_tick(x: float, value: float, ground: float) -> Markup:
    anchor = "end" if x > WIDTH - 30 else "middle"
    return element(
        "text",
        f"{value:,.0f}" if value >= 1000 else f"{value:.4g}",
        x=f"{x:.1f}",
        y=f"{ground + 14:g}",
        text_anchor=anchor,
        class_="soft",
    )


def path(points: Points, colour: int, dotted: bool) -> Markup:
    steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    line = element("polyline", points=steps, class_=f"line stroke-{colour}")
    few = dotted and len(points) <= MOST_POINTS // 6
    dots = (element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="2.4", class_=f"dot-{colour}") for x, y in points)
    return joined([line, *(dots if few else [])])
