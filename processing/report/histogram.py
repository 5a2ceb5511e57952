"""Histogram of row lengths in tokens: bins, and its layout for report.html."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_BINS = 40
WIDTHS = (1, 2, 4, 5, 8, 10, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 200, 256, 400, 512, 1000, 2000)
# Further right than this multiple of the 99th percentile there is little to see: the last bin takes it.
TAIL = 1.25
WIDTH, HEIGHT, TOP, BOTTOM = 360, 150, 26, 30
TICKS = 4


@dataclass(frozen=True)
class Bar:
    """A part of a bin's bar; `kind` names its colour. x, y, width and height in units of the picture."""

    bin: Mapping[str, int]
    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Tick:
    """A length below the axis. `anchor` is SVG's text-anchor; `is_open` where longer rows are in the last bin too."""

    x: float
    anchor: str
    length: int
    is_open: bool


@dataclass(frozen=True)
class Histogram:
    """What histogram.svg.jinja draws.

    Attributes:
        most: rows of the highest bin.
        limit: x of max_length; None where it lies outside of the picture.
    """

    bars: Sequence[Bar]
    ticks: Sequence[Tick]
    most: int
    limit: float | None
    max_length: int
    truncated_share: float
    width: ClassVar[int] = WIDTH
    height: ClassVar[int] = TOP + HEIGHT + BOTTOM
    ground: ClassVar[int] = TOP + HEIGHT


def bins(lengths: NDArray[np.int64], max_length: int) -> list[dict[str, int]]:
    """Rows per bin of lengths, the last bin open.

    Args:
        lengths: int64, rows of length i at position i.

    Returns:
        first and last length of each bin, its rows, and how many of them are longer than max_length.
    """
    # Imported late: the layout needs none.
    import numpy as np

    present = np.flatnonzero(lengths)
    if not len(present):
        return []
    cumulative = np.cumsum(lengths)
    end = min(int(present[-1]), int(np.searchsorted(cumulative, 0.99 * cumulative[-1]) * TAIL) + 1)
    width = next((width for width in WIDTHS if end <= width * MOST_BINS), -(-end // MOST_BINS))
    number = -(-end // width)
    lasts = [*((place + 1) * width for place in range(number - 1)), int(present[-1])]
    return [one_bin(lengths, max_length, place * width + (place > 0), last) for place, last in enumerate(lasts)]


def one_bin(lengths: NDArray[np.int64], max_length: int, first: int, last: int) -> dict[str, int]:
    rows = int(lengths[first : last + 1].sum())
    longer = int(lengths[max(first, max_length + 1) : last + 1].sum())
    return {"first": first, "last": last, "rows": rows, "longer": longer}


def layout(lengths: Mapping[str, Any]) -> Histogram | None:
    """Bars, ticks and the mark of max_length, of `lengths` as in report.json; None where no row was kept."""
    found = lengths["histogram"]
    if not found:
        return None
    most, step = max(entry["rows"] for entry in found), WIDTH / len(found)
    end, limit = (found[0]["last"] or 1) * len(found), int(lengths["max_length"])
    return Histogram(
        bars=[bar for place, entry in enumerate(found) for bar in column(place * step, step, entry, most)],
        ticks=[tick(place, end, found[-1]["last"] > end) for place in range(TICKS + 1)],
        most=most,
        limit=limit / end * WIDTH if limit < end else None,
        max_length=limit,
        truncated_share=lengths["truncated_share"],
    )


def column(x: float, step: float, entry: Mapping[str, int], most: int) -> list[Bar]:
    """One bin: what is whole, and on top what is truncated."""
    whole = HEIGHT * (entry["rows"] - entry["longer"]) / most
    longer = HEIGHT * entry["longer"] / most
    return [
        Bar(entry, kind, x + step * 0.06, TOP + HEIGHT - low - height, step * 0.88, height)
        for kind, low, height in (("kept", 0.0, whole), ("cut", whole, longer))
        if height
    ]


def tick(place: int, end: int, is_open: bool) -> Tick:
    anchor = "start" if place == 0 else "end" if place == TICKS else "middle"
    return Tick(WIDTH * place / TICKS, anchor, round(end * place / TICKS), is_open and place == TICKS)
