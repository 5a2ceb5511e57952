"""A first pass over texts, and what it decides about each."""

from __future__ import annotations

from pathlib import Path

import duckdb

from processing.across_rows.marks import Marks
from processing.across_rows.occurrences import rank
from processing.options import ProcessingOptions
from processing.reading.first_pass import FirstPass
from processing.rows.split import hash_sql, split_sql

RATIOS = (0.8, 0.1, 0.1)


def first_pass_over(
    texts: list[str], numbers: list[int], folder: Path, keys: list[str] | None = None, **options: object
) -> tuple[FirstPass, list[int]]:
    """Run a first pass over `texts` with class `numbers` and `keys` (none: the texts) in two files.

    Returns:
        The first pass, and the rank of each text.
    """
    given = ProcessingOptions(**options)  # type: ignore[arg-type]
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE texts AS SELECT unnest(?::VARCHAR[]) AS text, unnest(?::BIGINT[]) AS number, "
        "unnest(?::VARCHAR[]) AS key",
        [texts, numbers, keys or texts],
    )
    first_pass = FirstPass(connection, given, RATIOS, folder)
    columns = (
        f"0 AS outcome, text, number, {split_sql(RATIOS, 42)} AS split, CAST({hash_sql(42)} AS UBIGINT) AS key_hash"
    )
    half = len(texts) // 2
    first_pass.add_file((0,), f"SELECT {columns} FROM texts LIMIT {half}")
    first_pass.add_file((1,), f"SELECT {columns} FROM texts OFFSET {half}")
    first_pass.finish()
    return first_pass, [found for (found,) in connection.execute(f"SELECT {rank(given)} FROM texts").fetchall()]


def left_out(first_pass: FirstPass, count: int) -> dict[int, int]:
    """Outcome of each row that is left out, by its place among `count` texts."""
    return {row: outcome for row, outcome, _, _ in changes(first_pass, count) if outcome}


def splits(first_pass: FirstPass, texts: list[str]) -> list[int]:
    """The split of each of `texts` after the first pass."""
    query = f"SELECT {split_sql(RATIOS, 42)} FROM (SELECT unnest(?::VARCHAR[]) AS key)"
    found = [split for (split,) in duckdb.execute(query, [texts]).fetchall()]
    for row, outcome, split, _ in changes(first_pass, len(texts)):
        found[row] = found[row] if outcome else split
    return found


def copies(first_pass: FirstPass, count: int) -> list[int]:
    """How often each of `count` rows is written."""
    found = [1] * count
    for row, _, _, number in changes(first_pass, count):
        found[row] = number
    return found


def changes(first_pass: FirstPass, count: int) -> list[tuple[int, int, int, int]]:
    """Place, outcome, split and copies of each marked row of the two files."""
    return [
        (int(row) + start, int(outcome), int(split), int(number))
        for file, start in ((0, 0), (1, count // 2))
        for marks in [first_pass.marks((file,))]
        for row, outcome, split, number in zip(*fields(marks), strict=True)
    ]


def fields(marks: Marks) -> tuple[list[int], list[int], list[int], list[int]]:
    return marks.rows.tolist(), marks.outcomes.tolist(), marks.splits.tolist(), marks.copies.tolist()
