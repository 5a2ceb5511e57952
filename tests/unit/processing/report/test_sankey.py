"""The bars of the Sankey diagram are proportional to their rows, and labels do not overlap."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contract.page import environment
from processing.report import sankey
from processing.report.sankey import HEIGHT

ROWS = {
    "read": 1000,
    "kept": 700,
    "filtered": {"where": 200, "duplicate": 1},
    "rejected": {"no label": 99},
}


def flow(rows: Mapping[str, Any], splits: Mapping[str, int]) -> str:
    """The diagram as SVG."""
    templates = environment(Path(sankey.__file__).parent)
    return templates.from_string("{% from 'sankey.svg.jinja' import sankey_svg %}{{ sankey_svg(shown) }}").render(
        shown=sankey.layout(rows, splits)
    )


def heights(picture: str) -> list[float]:
    return [float(found) for found in re.findall(r'<rect [^>]*height="([\d.]+)"', picture)]


def labels(picture: str) -> list[tuple[str, float, str]]:
    return re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>', picture)


def test_bars_are_in_proportion() -> None:
    found = heights(flow(ROWS, {"train": 600, "validation": 100, "test": 0}))
    wanted = [1.0, 0.7, 0.6, 0.1, 0.2, 0.001, 0.099]
    assert len(found) == len(wanted)
    for height, share in zip(found, wanted, strict=True):
        assert abs(height - max(share * HEIGHT, 1.5)) < 0.1


def test_labels_do_not_overlap_however_small_the_bars() -> None:
    many = {**ROWS, "filtered": {f"reason {n}": n for n in range(1, 9)}, "kept": 3}
    places: dict[str, list[float]] = {}
    for x, y, _ in labels(flow(many, {"train": 1, "validation": 1, "test": 1})):
        places.setdefault(x, []).append(float(y))
    assert len(places) == 3
    for ys in places.values():
        assert all(b - a >= 12 for a, b in zip(sorted(ys), sorted(ys)[1:], strict=False))


def test_no_row_at_all() -> None:
    assert "read" in flow({"read": 0, "kept": 0, "filtered": {}, "rejected": {}}, {"train": 0})
