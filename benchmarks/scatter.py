"""Scatter plot of throughput against 99th percentile latency as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.plot import COLOURS, text

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 460, 70, 20, 60, 50


@dataclass(frozen=True)
class Point:
    """One measurement: who, under what, texts a second, and the 99th percentile of the waits in ms."""

    name: str
    workload: str
    rate: float
    p99: float


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis from `low` to `high`, drawn from pixel `start` to pixel `end`."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> Axis:
        """The whole decades that hold `values`."""
        low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        return cls(10.0**low, 10.0 ** max(high, low + 1), start, end)

    def place(self, value: float) -> float:
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        decades = round(math.log10(self.high / self.low))
        return [self.low * 10**power for power in range(decades + 1)]


def scatter(title: str, points: Sequence[Point]) -> str:
    """An SVG with a colour for each name; workloads are numbered, and named below the plot."""
    across = Axis.over([point.rate for point in points], LEFT, WIDTH - RIGHT)
    up = Axis.over([point.p99 for point in points], HEIGHT - BOTTOM, TOP)
    names = list(dict.fromkeys(point.name for point in points))
    workloads = list(dict.fromkeys(point.workload for point in points))
    height = HEIGHT + 20 * len(workloads)
    parts = [text(0, 18, title, weight=600), *legend(names), *grid(across, up)]
    for point in points:
        colour = COLOURS[names.index(point.name) % len(COLOURS)]
        parts += mark(across.place(point.rate), up.place(point.p99), workloads.index(point.workload) + 1, colour)
    parts += [text(LEFT, HEIGHT + 20 * place, f"{place + 1}  {words}") for place, words in enumerate(workloads)]
    box = f"0 0 {WIDTH} {height}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" font-family="sans-serif" font-size="13">'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>', *parts, "</svg>", ""])


def mark(x: float, y: float, number: int, colour: str) -> list[str]:
    """A point with its number inside: beside it, the numbers of near points would lie on each other."""
    style = 'font-size="11" font-weight="600" text-anchor="middle" fill="#fff"'
    return [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="{colour}"/>',
        f'<text x="{x:.1f}" y="{y + 4:.1f}" {style}>{number}</text>',
    ]


def legend(names: Sequence[str]) -> list[str]:
    parts = []
    for place, name in enumerate(names):
        x = LEFT + 200 * place
        parts.append(f'<circle cx="{x}" cy="36" r="5" fill="{COLOURS[place % len(COLOURS)]}"/>')
        parts.append(text(x + 10, 40, name))
    return parts


def grid(across: Axis, up: Axis) -> list[str]:
    """A line a decade, with its number, and what the axes are."""
    parts = [text(WIDTH - RIGHT - 80, HEIGHT - 14, "texts/s"), text(0, TOP - 14, "p99, ms")]
    for tick in across.ticks:
        x = across.place(tick)
        parts += [line(x, TOP, x, HEIGHT - BOTTOM), text(x - 8, HEIGHT - BOTTOM + 18, f"{tick:,.15g}")]
    for tick in up.ticks:
        y = up.place(tick)
        parts += [line(LEFT, y, WIDTH - RIGHT, y), text(10, y + 4, f"{tick:,.15g}")]
    return parts


def line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#d0d7de"/>'
