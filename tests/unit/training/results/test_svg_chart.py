import math
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from contract.page import environment
from training.results import svg_chart
from training.results.svg_chart import Points


def lines(series: Mapping[str, Points], unit: str, label: str) -> str:
    """The chart as SVG."""
    templates = environment(Path(svg_chart.__file__).parent)
    return templates.from_string("{% from 'svg_chart.svg.jinja' import chart_svg %}{{ chart_svg(shown) }}").render(
        shown=svg_chart.layout(series, unit, label)
    )


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, (0.0, 1.0, 0.2)),
        (0.13, 0.71, (0.0, 0.8, 0.2)),
        (-3.0, 42.0, (-10.0, 50.0, 10.0)),
        (0, 5e-5, (0, 5e-5, 1e-5)),
    ],
)
def test_axes_end_at_round_numbers(low: float, high: float, expected: tuple[float, float, float]) -> None:
    assert svg_chart.rounded(low, high) == pytest.approx(expected)


def test_points_lie_where_they_belong() -> None:
    drawn = lines({"loss": [(0, 1.0), (50, 0.5), (100, 0.0)]}, "step", "Loss")
    found = re.search(r'points="([^"]+)"', drawn)
    assert found is not None
    points = [tuple(map(float, pair.split(","))) for pair in found[1].split()]
    right, ground = svg_chart.WIDTH - 8, svg_chart.TOP + svg_chart.HEIGHT
    assert points == [
        (svg_chart.LEFT, svg_chart.TOP),
        ((svg_chart.LEFT + right) / 2, (svg_chart.TOP + ground) / 2),
        (right, ground),
    ]


def test_many_points_become_means_up_to_the_last_step() -> None:
    shown = svg_chart.thinned([(float(x), float(x % 2)) for x in range(1000)])
    assert len(shown) <= svg_chart.MOST_POINTS
    assert shown[-1][0] == 999
    assert sum(y for _, y in shown) / len(shown) == pytest.approx(0.5, abs=0.01)


def test_values_that_are_not_finite_are_left_out() -> None:
    drawn = lines({"loss": [(0, math.nan), (1, 2.0), (2, math.inf), (3, 1.0)]}, "step", "Loss")
    assert "nan" not in drawn and "inf" not in drawn
    assert "No values" in lines({"loss": [(0, math.nan)]}, "step", "Loss")


def test_a_single_value_and_tiny_ones_have_axes() -> None:
    assert "<svg" in lines({"a": [(3, 2.0)]}, "step", "One")
    assert "2e-05" in lines({"a": [(0, 0.0), (1, 5e-5)]}, "step", "Rate")


def test_the_middle_of_whole_steps_is_a_whole_step_and_of_shares_the_exact_middle() -> None:
    steps = svg_chart.layout({"loss": [(99, 0.5), (198, 0.25)]}, "step", "loss")
    assert [tick.text for tick in steps.x_ticks] == ["99", "148", "198"]
    shares = svg_chart.layout({"accuracy": [(0.9, 0.5), (1, 0.25)]}, "confidence", "accuracy")
    assert [tick.text for tick in shares.x_ticks] == ["0.9", "0.95", "1"]
