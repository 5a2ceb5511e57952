"""Histogram of row lengths in tokens: bins, and its SVG for report.html."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.markup import Markup, count, element, share

MOST_BINS = 40
WIDTHS = (1, 2, 4, 5, 8, 10, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 200, 256, 400, 512, 1000, 2000)
# Further right than this multiple of the 99th percentile there is little to see: the last bin takes it.
TAIL = 1.25
WIDTH, HEIGHT, TOP, BOTTOM = 360.0, 150.0, 26.0, 30.0


def bins(lengths: NDArray[np.int64], max_length: int) -> list[dict[str, int]]:
    """Rows per bin of lengths, the last bin open.

    Args:
        lengths: int64, rows of length i at position i.

    Returns:
        first and last length of each bin, its rows, and how many of them are longer than max_length.
    """
    present = np.flatnonzero(lengths)
    if not len(present):
        return []
    cumulative = np.cumsum(lengths)
    end = min(int(present[-1]), int(np.searchsorted(cumulative, 0.99 * cumulative[-1]) * TAIL) + 1)
    width = next((width for width in WIDTHS if end <= width * MOST_BINS), -(-end // MOST_BINS))
    number = -(-end // width)
    return [one_bin(lengths, max_length, place, width, place == number - 1) for place in range(number)]


def one_bin(lengths: NDArray[np.int64], max_length: int, place: int, width: int, is_last: bool) -> dict[str, int]:
    first = place * width + (place > 0)
    last = int(np.flatnonzero(lengths)[-1]) if is_last else (place + 1) * width
    rows = int(lengths[first : last + 1].sum())
    longer = int(lengths[max(first, max_length + 1) : last + 1].sum())
    return {"first": first, "last": last, "rows": rows, "longer": longer}


def picture(found: Sequence[Mapping[str, int]], lengths: Mapping[str, Any]) -> Markup:
    """`found`, as `bins` returns them, with max_length and the truncated share of `lengths` marked."""
    highest = max(entry["rows"] for entry in found)
    step = WIDTH / len(found)
    width = found[0]["last"] or 1
    bars = [part for place, entry in enumerate(found) for part in column(place * step, step, entry, highest)]
    end = width * len(found)
    limit = int(lengths["max_length"])
    marked = marker(limit / end * WIDTH, limit, lengths) if limit < end else Markup("")
    ground = HEIGHT + TOP
    axis = element("line", x1="0", x2=f"{WIDTH:g}", y1=f"{ground:g}", y2=f"{ground:g}", class_="grid")
    ticks = [tick(place, end, found[-1]["last"] > end) for place in range(5)]
    unit = element("text", "tokens", x=f"{WIDTH / 2:g}", y=f"{ground + 28:g}", text_anchor="middle", class_="soft")
    peak = element("text", f"highest bar: {count(highest)} rows", x="0", y="10", class_="soft")
    return element(
        "svg", peak if not marked else Markup(""), *bars, axis, *ticks, unit, marked,
        view_box=f"0 0 {WIDTH:g} {ground + BOTTOM:g}", role="img", aria_label="Rows by length in tokens",
    )  # fmt: skip


def column(x: float, step: float, entry: Mapping[str, int], highest: int) -> list[Markup]:
    """One bin: what is whole, and on top what is truncated."""
    whole = HEIGHT * (entry["rows"] - entry["longer"]) / highest
    longer = HEIGHT * entry["longer"] / highest
    title = element("title", f"{entry['first']} to {entry['last']} tokens: {count(entry['rows'])} rows")
    ground = HEIGHT + TOP
    return [
        element(
            "rect", title, x=f"{x + step * 0.06:.2f}", y=f"{ground - low - height:.2f}", width=f"{step * 0.88:.2f}",
            height=f"{height:.2f}", class_=f"fill-{kind}",
        )
        for kind, low, height in (("kept", 0.0, whole), ("cut", whole, longer))
        if height
    ]  # fmt: skip


def marker(x: float, limit: int, lengths: Mapping[str, Any]) -> Markup:
    text = f"max_length {limit}: {share(lengths['truncated_share'], 1)} truncated"
    # To the side that has the room.
    place = {"x": f"{x + 5:.1f}"} if x < WIDTH / 2 else {"x": f"{x - 5:.1f}", "text_anchor": "end"}
    line = element("line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1="2", y2=f"{HEIGHT + TOP:g}", class_="mark")
    return Markup(line + element("text", text, y="11", class_="strong", **place))


def tick(place: int, end: int, is_open: bool) -> Markup:
    anchor = "start" if place == 0 else "end" if place == 4 else "middle"
    text = count(round(end * place / 4)) + ("+" if place == 4 and is_open else "")
    return element(
        "text", text, x=f"{WIDTH * place / 4:g}", y=f"{HEIGHT + TOP + 14:g}", text_anchor=anchor, class_="soft"
    )
