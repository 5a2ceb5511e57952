from __future__ import annotations

from robustness.soak import growth


def test_growth_is_between_medians_after_the_warm_up_and_at_the_end() -> None:
    # Ten samples of warm-up, then constant memory with one spike, then a leak.
    sums = [*range(10), *[100.0] * 4, 900.0, *[100.0] * 5, *range(101, 111)]
    samples = [{"front": 1.0, "sum": float(value)} for value in sums]
    assert growth(samples) == {"front": (1.0, 1.0), "sum": (100.0, 108.5)}


def test_constant_memory_has_no_growth() -> None:
    assert growth([{"sum": 5.0}] * 3) == {"sum": (5.0, 5.0)}
