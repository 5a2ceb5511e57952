"""Which rows a first pass leaves out for their rank or as duplicates."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.processing.occurrences import first_pass_over, left_out

from processing.across_rows.samples import NO_ROW
from processing.options import ProcessingOptions
from processing.reading.first_pass import is_needed, needs_all_rows
from processing.rows.filters import Outcome

TEXTS = [f"review {number % 80}" for number in range(100)]
NUMBERS = [number % 2 for number in range(100)]


@pytest.mark.parametrize("most", [1, 2, 7, 50, 99])
def test_max_rows_keeps_as_many_rows_as_allowed(tmp_path: Path, most: int) -> None:
    first_pass, ranks = first_pass_over(TEXTS, NUMBERS, tmp_path, max_rows=most)
    assert first_pass.cut is not None
    kept = sum(found <= first_pass.cut for found in ranks)
    # One or two rows have the same text, so at most one row less than allowed is kept.
    assert most - 1 <= kept <= most


def test_no_row_is_filtered_if_all_fit_and_all_are_if_equal_texts_do_not(tmp_path: Path) -> None:
    assert first_pass_over(TEXTS, NUMBERS, tmp_path, max_rows=100)[0].cut is None
    assert first_pass_over(["same"] * 10, [0] * 10, tmp_path, max_rows=9)[0].cut == NO_ROW


def test_dropped_duplicates_do_not_count_for_max_rows(tmp_path: Path) -> None:
    first_pass, ranks = first_pass_over(TEXTS, NUMBERS, tmp_path, max_rows=80, drop_duplicates=True)
    assert first_pass.cut is None
    assert left_out(first_pass, 100) == dict.fromkeys(range(80, 100), Outcome.DUPLICATE)
    first_pass, ranks = first_pass_over(TEXTS, NUMBERS, tmp_path, max_rows=30, drop_duplicates=True)
    assert first_pass.cut is not None
    assert sum(found <= first_pass.cut for found in ranks[:80]) == 30


def test_ranks_are_independent_of_splits_and_change_with_the_seed(tmp_path: Path) -> None:
    one, other = (first_pass_over(TEXTS, NUMBERS, tmp_path, max_rows=5, seed=seed)[1] for seed in (1, 2))
    assert one != other


def test_options_that_need_the_rows_of_all_hosts_are_known() -> None:
    assert needs_all_rows(ProcessingOptions(max_rows=3)) and needs_all_rows(ProcessingOptions(near_duplicates=0.8))
    assert not needs_all_rows(ProcessingOptions(drop_duplicates=True, conflicts="drop"))
    assert is_needed(ProcessingOptions(conflicts="drop")) and not is_needed(ProcessingOptions())
