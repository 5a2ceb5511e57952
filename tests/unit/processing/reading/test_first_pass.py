"""Duplicates and largest ranks of the first pass."""

from __future__ import annotations

import duckdb
import pytest

from processing.options import ProcessingOptions
from processing.reading.first_pass import NO_ROW, FirstPass, rank

TEXTS = [f"review {number % 80}" for number in range(100)]


def first_pass_over(texts: list[str], **options: object) -> tuple[FirstPass, list[int]]:
    """Run a first pass over `texts` in two files; returns it and the rank of each text."""
    connection = duckdb.connect()
    connection.execute("CREATE TABLE texts AS SELECT unnest(?::VARCHAR[]) AS text", [texts])
    connection.execute("ALTER TABLE texts ADD COLUMN split UTINYINT")
    connection.execute("ALTER TABLE texts ADD COLUMN number BIGINT")
    # Classes 0, 1 and 2 by the length of the row's number; all in train except class 2.
    connection.execute(
        "UPDATE texts SET number = length(text) % 3, split = CASE length(text) % 3 WHEN 2 THEN 1 ELSE 0 END"
    )
    given = ProcessingOptions(**options)  # type: ignore[arg-type]
    first_pass = FirstPass(connection, given)
    half = len(texts) // 2
    first_pass.add_file(0, f"SELECT 0 AS outcome, text, split, number FROM texts LIMIT {half}")
    first_pass.add_file(1, f"SELECT 0 AS outcome, text, split, number FROM texts OFFSET {half}")
    first_pass.finish()
    return first_pass, [found for (found,) in connection.execute(f"SELECT {rank(given)} FROM texts").fetchall()]


@pytest.mark.parametrize("most", [1, 2, 7, 50, 99])
def test_max_rows_keeps_as_many_rows_as_allowed(most: int) -> None:
    first_pass, ranks = first_pass_over(TEXTS, max_rows=most)
    assert first_pass.cuts.all_rows is not None
    kept = sum(found <= first_pass.cuts.all_rows for found in ranks)
    # One or two rows have the same text, so at most one row less than allowed is kept.
    assert most - 1 <= kept <= most


def test_no_row_is_filtered_if_all_fit_and_all_are_if_equal_texts_do_not() -> None:
    assert first_pass_over(TEXTS, max_rows=100)[0].cuts.all_rows is None
    assert first_pass_over(["same"] * 10, max_rows=9)[0].cuts.all_rows == NO_ROW


def test_dropped_duplicates_do_not_count_for_max_rows() -> None:
    first_pass, ranks = first_pass_over(TEXTS, max_rows=80, drop_duplicates=True)
    assert first_pass.cuts.all_rows is None
    assert (first_pass.duplicates(0).tolist(), first_pass.duplicates(1).tolist()) == ([], list(range(30, 50)))
    first_pass, ranks = first_pass_over(TEXTS, max_rows=30, drop_duplicates=True)
    assert first_pass.cuts.all_rows is not None
    assert sum(found <= first_pass.cuts.all_rows for found in ranks[:80]) == 30


def test_classes_of_the_training_split_are_cut_to_the_smallest() -> None:
    # TEXTS have only one class in train.
    assert first_pass_over(TEXTS, balance=True)[0].cuts.by_class == {}
    texts = [f"{'xx' * (number % 4 == 0)}review 1{number:02}" for number in range(100)]
    first_pass, ranks = first_pass_over(texts, balance=True)
    ((number, cut),) = first_pass.cuts.by_class.items()
    assert number == 10 % 3
    assert sum(found <= cut for text, found in zip(texts, ranks, strict=True) if len(text) == 10) == 25


def test_ranks_are_independent_of_splits_and_change_with_the_seed() -> None:
    assert first_pass_over(TEXTS, max_rows=5, seed=1)[1] != first_pass_over(TEXTS, max_rows=5, seed=2)[1]
