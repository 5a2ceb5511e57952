"""Bins count every row once, and the truncated ones."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from contract.page import environment
from processing.report import histogram
from processing.report.histogram import MOST_BINS, bins, layout

CUT = {"truncated_share": 0.75}


@pytest.mark.parametrize("max_length", [1, 7, 128, 509, 5000])
@pytest.mark.parametrize("longest", [1, 3, 40, 41, 700, 60_000])
def test_every_row_is_in_one_bin(longest: int, max_length: int) -> None:
    values = np.random.default_rng(0).integers(0, longest + 1, 3000)
    lengths = np.bincount(values, minlength=65_537)
    found = bins(lengths, max_length)
    assert len(found) <= MOST_BINS
    assert sum(entry["rows"] for entry in found) == 3000
    assert sum(entry["longer"] for entry in found) == int((values > max_length).sum())
    for one, next_one in itertools.pairwise(found):
        assert next_one["first"] == one["last"] + 1
    for entry in found:
        assert entry["rows"] == int(((values >= entry["first"]) & (values <= entry["last"])).sum())


def test_a_long_tail_goes_into_the_last_bin() -> None:
    lengths = np.bincount([*range(100), 9000], minlength=65_537)
    found = bins(lengths, 64)
    assert found[-1]["last"] == 9000 and found[-2]["last"] < 130


def test_no_row_has_no_bin() -> None:
    assert bins(np.zeros(65_537, np.int64), 8) == []


def drawn(max_length: int, truncated_share: float) -> str:
    """The picture of 100 rows, one of each length from 0 to 99."""
    found = bins(np.bincount(np.arange(100), minlength=65_537), max_length)
    lengths = {"histogram": found, "max_length": max_length, "truncated_share": truncated_share}
    templates = environment(Path(histogram.__file__).parent)
    return templates.from_string(
        "{% from 'histogram.svg.jinja' import histogram_svg %}{{ histogram_svg(shown) }}"
    ).render(shown=layout(lengths))


def test_the_limit_is_marked_where_it_lies_within_the_picture() -> None:
    assert "max_length 50: 49.0% truncated" in drawn(50, 0.49)
    assert "max_length" not in drawn(512, 0.0)


def test_bars_stand_on_the_axis_and_what_is_truncated_is_on_top() -> None:
    found = layout({"histogram": [{"first": 0, "last": 9, "rows": 40, "longer": 30}], "max_length": 2, **CUT})
    assert found is not None
    [kept, cut] = found.bars
    assert (kept.kind, kept.y + kept.height) == ("kept", found.ground)
    assert (cut.kind, cut.y + cut.height) == ("cut", kept.y)
    assert cut.height == 3 * kept.height


def test_no_row_has_no_picture() -> None:
    assert layout({"histogram": [], "max_length": 8, **CUT}) is None
