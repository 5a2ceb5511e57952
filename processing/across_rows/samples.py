"""Samples of rows by rank: --max-rows, --balance and --upsample."""

from __future__ import annotations

import duckdb

from processing.across_rows.occurrences import OCCURRENCES, leave_out
from processing.rows.filters import Outcome
from processing.rows.split import SPLITS

NO_ROW = -1
IN_TRAIN = f"final = {SPLITS.index('train')}"
# copies is a USMALLINT.
MOST_COPIES = 65_535


def cut(connection: duckdb.DuckDBPyConnection, most: int, condition: str) -> int | None:
    """The largest rank with which at most `most` of the rows under `condition` are kept; None if all are.

    Rows with the same rank have equal texts, and are kept or filtered together.
    """
    [(rows,)] = connection.execute(f"SELECT count(*) FROM {OCCURRENCES} WHERE {condition}").fetchall()
    if rows <= most:
        return None
    [(largest,)] = connection.execute(
        "SELECT max(rank) FROM (SELECT rank, sum(rows) OVER (ORDER BY rank) AS total FROM "
        f"(SELECT rank, count(*) AS rows FROM {OCCURRENCES} WHERE {condition} "
        f"GROUP BY rank ORDER BY rank LIMIT {most + 1})) WHERE total <= {most}"
    ).fetchall()
    return NO_ROW if largest is None else int(largest)


def in_train(connection: duckdb.DuckDBPyConnection) -> dict[int, int]:
    """Number of rows of train by class number."""
    query = f"SELECT number, count(*) FROM {OCCURRENCES} WHERE {IN_TRAIN} GROUP BY number ORDER BY number"
    return dict(connection.execute(query).fetchall())


def balance(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave out rows of train, so that each class has as many as the smallest."""
    classes = in_train(connection)
    smallest = min(classes.values(), default=0)
    for number in classes:
        condition = f"{IN_TRAIN} AND number = {number}"
        largest = cut(connection, smallest, condition)
        if largest is not None:
            rows = f"SELECT file, row FROM {OCCURRENCES} WHERE {condition} AND CAST(rank AS HUGEINT) > {largest}"
            leave_out(connection, rows, Outcome.UNBALANCED)


def upsample(connection: duckdb.DuckDBPyConnection) -> None:
    """Set the copies of the rows of train, so that each class has as many rows as the largest one, copies included.

    Every row of a class is repeated as often, and those of the smallest ranks once more.
    """
    classes = in_train(connection)
    largest = max(classes.values(), default=0)
    for number, rows in classes.items():
        whole, rest = divmod(largest, rows)
        connection.execute(
            f"UPDATE {OCCURRENCES} SET copies = least({whole} + (place <= {rest})::INTEGER, {MOST_COPIES}) FROM "
            f"(SELECT file AS f, row AS r, row_number() OVER (ORDER BY rank, file, row) AS place FROM {OCCURRENCES} "
            f"WHERE {IN_TRAIN} AND number = {number}) WHERE file = f AND row = r"
        )
