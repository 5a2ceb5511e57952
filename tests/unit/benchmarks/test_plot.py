"""The plot of a benchmark."""

import re
from xml.etree import ElementTree

import matplotlib
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from benchmarks.measure import Run
from benchmarks.plot import bar_figure, bars

RUNS = {"ours": Run(2.0, 400_000_000), "theirs <slow>": Run(30.0, 2_000_000_000)}
GROUPS = {"25,000 rows": RUNS, "250,000 rows": RUNS}


def drawn(axes: Axes) -> list[Rectangle]:
    """The bars, in the order of the ways."""
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def test_bars_are_in_proportion_and_names_are_text() -> None:
    figure = bar_figure("a & b", GROUPS)
    assert [axes.get_title("left").split(": ")[1] for axes in figure.axes] == ["wall clock", "peak memory"] * 2
    for axes, wanted in zip(figure.axes, [(2, 30), (400, 2000)] * 2, strict=True):
        assert tuple(bar.get_width() for bar in drawn(axes)) == wanted
        assert axes.get_xlim()[0] == 0 and axes.get_xlim()[1] > wanted[1]
    shown = bars("a & b", GROUPS)
    texts = [element.text for element in ElementTree.fromstring(shown).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314 (our own text)
    assert {"a & b", "30.0 s", "2,000.0 MB", "theirs <slow>", "250,000 rows: wall clock"} <= set(texts)


def test_the_first_way_is_on_top() -> None:
    axes = bar_figure("a", {"rows": RUNS}).axes[0]
    ours, theirs = (axes.transData.transform((0, bar.get_y()))[1] for bar in drawn(axes))
    assert ours > theirs


def test_a_killed_run_says_so_and_a_dollar_is_no_formula() -> None:
    shown = bars("$a$", {"rows": {"theirs": Run(2.0, 1, killed=True)}})
    assert ">theirs (killed)</text>" in shown and ">$a$</text>" in shown


@pytest.mark.parametrize("settings", [{}, {"font.size": 30, "svg.fonttype": "path", "svg.hashsalt": None}])
def test_the_same_figures_give_the_same_bytes_whatever_the_settings(settings: dict[str, object]) -> None:
    shown = bars("a", GROUPS)
    with matplotlib.rc_context(settings):
        assert bars("a", GROUPS) == shown
    assert re.findall(r"<dc:date>|\d{4}-\d\d-\d\dT", shown) == []
