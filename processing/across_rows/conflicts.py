"""Equal texts with different labels: finds their rows, and drops them all or those of the minority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from processing.across_rows.occurrences import OCCURRENCES, in_files, leave_out
from processing.rows.filters import Outcome

CONFLICTS = "conflicts"
# Most rows that conflicts.jsonl lists; all are counted.
MOST_LISTED = 100_000


@dataclass(frozen=True)
class Conflict:
    """A row of a text that has several labels. `group` is the same for rows of one text."""

    group: int
    row: int
    number: int
    kept: bool


def find_conflicts(connection: duckdb.DuckDBPyConnection, decision: str) -> None:
    """Store the rows of texts with several labels in CONFLICTS, and leave out those that `decision` drops.

    Args:
        decision: --conflicts: list keeps all rows, drop none, majority those of the label that most rows of the text
            have (none if two labels have as many).
    """
    kept = {
        "list": "true",
        "drop": "false",
        # All rows of the largest labels are rows of one label.
        "majority": "rows = largest AND count(*) FILTER (rows = largest) OVER g = largest",
    }[decision]
    connection.execute(
        f"CREATE TEMP TABLE {CONFLICTS} AS WITH mixed AS ("
        f"SELECT hash, hash_low FROM {OCCURRENCES} GROUP BY ALL HAVING min(number) <> max(number)), "
        "sized AS (SELECT *, count(*) OVER (PARTITION BY hash, hash_low, number) AS rows "
        f"FROM {OCCURRENCES} SEMI JOIN mixed USING (hash, hash_low)), "
        "ranked AS (SELECT *, max(rows) OVER (PARTITION BY hash, hash_low) AS largest FROM sized) "
        f"SELECT file, row, number, dense_rank() OVER (ORDER BY hash, hash_low) AS id, {kept} AS kept FROM ranked "
        "WINDOW g AS (PARTITION BY hash, hash_low)"
    )
    if decision != "list":
        leave_out(connection, f"SELECT file, row FROM {CONFLICTS} WHERE NOT kept", Outcome.CONFLICT)


def conflicts_of(connection: duckdb.DuckDBPyConnection, files: Sequence[int]) -> list[Conflict]:
    """The rows that `find_conflicts` has found in a file or a group of `files`, given by their numbers, in order."""
    rows = connection.execute(
        f"SELECT id, row, number, kept FROM {CONFLICTS} WHERE {in_files(files)} ORDER BY row LIMIT {MOST_LISTED}"
    ).fetchall()
    return [Conflict(*values) for values in rows]
