"""Table of the fine-tuning benchmark, and difference between its programs."""

from __future__ import annotations

import pytest

from benchmarks.finetuning_results import IMAGE, TRAINER, Result, difference, summary, table

ACCURACIES = {IMAGE: (0.90, 0.91, 0.92), TRAINER: (0.88, 0.91, 0.91)}


def results(seeds: int) -> list[Result]:
    return [
        Result(
            "fp32",
            seed,
            program,
            ACCURACIES[program][seed],
            0.93,
            (10.0 + seed) * (1 if program == IMAGE else 2),
            10**9,
        )
        for program in (TRAINER, IMAGE)
        for seed in reversed(range(seeds))
    ]


def test_the_difference_is_in_points_with_the_error_of_its_mean() -> None:
    # Differences of 2, 0 and 1 points have the standard deviation 1.
    mean, error = difference(results(3))
    assert mean == pytest.approx(1.0)
    assert error == pytest.approx(3**-0.5)


def test_one_seed_has_no_standard_error() -> None:
    mean, error = difference(results(1))
    assert mean == pytest.approx(2.0)
    assert error is None
    assert summary("fp32", results(1)) == "fp32: accuracy +2.00 points against plain Trainer; 2.00 times as fast."


def test_the_table_has_a_row_for_each_program_with_its_seeds_in_order() -> None:
    image, trainer = table(results(3)).splitlines()[2:]
    assert image == "| fp32 | training image | 0.900, 0.910, 0.920 | 0.9100 ± 0.0100 | 0.9300 | 11 | 2.00 | 1,000 MB |"
    assert trainer == "| fp32 | plain Trainer | 0.880, 0.910, 0.910 | 0.9000 ± 0.0173 | 0.9300 | 22 | 1.00 | 1,000 MB |"
