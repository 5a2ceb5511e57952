"""Bar charts of seconds and memory as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.measure import Run

WIDTH, LABEL, NUMBER, BAR, GAP = 720, 210, 90, 18, 8
COLOURS = ("#2f6fdb", "#1d9a83", "#8a94a0", "#e08a1e")


def bars(title: str, results: Mapping[str, Mapping[str, Run]]) -> str:
    """An SVG with two bars, seconds and memory, for each way in each group of `results`."""
    parts: list[str] = [text(0, 18, title, weight=600)]
    top = 40
    for group, runs in results.items():
        for what, unit, values in (
            ("wall clock", "s", [run.seconds for run in runs.values()]),
            ("peak memory", "MB", [run.peak / 1e6 for run in runs.values()]),
        ):
            parts.append(text(0, top + 4, f"{group}: {what}", weight=600))
            names = [f"{name} (killed)" if run.killed else name for name, run in runs.items()]
            parts += rows(top + 14, names, values, unit)
            top += 14 + len(runs) * (BAR + GAP) + 26
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" font-family="sans-serif" font-size="13">'
    )
    return "\n".join([head, f'<rect width="{WIDTH}" height="{top}" fill="#fff"/>', *parts, "</svg>", ""])


def rows(top: int, names: Sequence[str], values: Sequence[float], unit: str) -> list[str]:
    """One bar a way, in proportion to the largest."""
    scale = (WIDTH - LABEL - NUMBER) / max(values)
    parts = []
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        y, width = top + place * (BAR + GAP), value * scale
        colour = COLOURS[place % len(COLOURS)]
        parts.append(text(0, y + 13, name))
        parts.append(f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2" fill="{colour}"/>')
        parts.append(text(LABEL + width + 6, y + 13, f"{value:,.1f} {unit}"))
    return parts


def text(x: float, y: float, words: str, weight: int = 400) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-weight="{weight}" fill="#1f2328">{escape(words)}</text>'
