"""The plot of a benchmark."""

import re
from xml.etree import ElementTree

from benchmarks.measure import Run
from benchmarks.plot import LABEL, NUMBER, WIDTH, bars


def test_bars_are_in_proportion_and_names_are_text() -> None:
    runs = {"ours": Run(2.0, 400_000_000), "theirs <slow>": Run(30.0, 2_000_000_000)}
    shown = bars("a & b", {"25,000 rows": runs, "250,000 rows": runs})
    ElementTree.fromstring(shown)  # noqa: S314 (our own text)
    widths = [float(width) for width in re.findall(r'<rect x="\d+" y="\d+" width="([\d.]+)"', shown)]
    longest = WIDTH - LABEL - NUMBER
    wanted = [longest * 2 / 30, longest, longest / 5, longest] * 2
    assert all(abs(found - width) < 0.1 for found, width in zip(widths, wanted, strict=True))
    assert "30.0 s" in shown and "2,000.0 MB" in shown and "&lt;slow&gt;" in shown
