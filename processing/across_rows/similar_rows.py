"""What a job does with near-duplicates: counts those in other splits, drops them, or keeps each group in one split."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from processing.across_rows.compared_rows import ROW_BITS
from processing.across_rows.occurrences import OCCURRENCES, leave_out
from processing.across_rows.union_find import UnionFind
from processing.arrays import to_arrow
from processing.rows.filters import Outcome
from processing.rows.split import SPLITS, split_of

GROUPS = "near_groups"


def store(connection: duckdb.DuckDBPyConnection, ids: NDArray[np.uint64], leaders: NDArray[np.uint64]) -> None:
    """Store the groups as a table: file and row of each row, its leader, key and split, and whether it is the first.

    Rows that are left out, as duplicates or conflicts, are in no group, and a group has two rows or more.
    """
    connection.register("found_groups", pa.table({"id": to_arrow(ids), "leader": to_arrow(leaders)}))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {GROUPS} AS SELECT o.file, o.row, o.key, o.final AS split, g.leader, "
        "g.id = min(g.id) OVER (PARTITION BY g.leader) AS leads "
        f"FROM found_groups g JOIN {OCCURRENCES} o "
        f"ON o.file = g.id >> {ROW_BITS} AND o.row = g.id & {2**ROW_BITS - 1} "
        "QUALIFY count(*) OVER (PARTITION BY g.leader) > 1"
    )
    connection.unregister("found_groups")


def counted(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Numbers of groups, of their rows, and of rows of validation and test with a near-duplicate in train."""
    [(groups, rows)] = connection.execute(f"SELECT count(DISTINCT leader), count(*) FROM {GROUPS}").fetchall()
    leaked = dict(
        connection.execute(
            f"SELECT split, count(*) FROM {GROUPS} WHERE split > 0 AND leader IN "
            f"(SELECT leader FROM {GROUPS} WHERE split = 0) GROUP BY split"
        ).fetchall()
    )
    return {
        "groups": groups,
        "rows": rows,
        **{f"{name}_near_train": leaked.get(SPLITS.index(name), 0) for name in SPLITS[1:]},
    }


def drop(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave out all rows of a group but its first."""
    leave_out(connection, f"SELECT file, row FROM {GROUPS} WHERE NOT leads", Outcome.NEAR_DUPLICATE)


def group(connection: duckdb.DuckDBPyConnection, ratios: Sequence[float]) -> None:
    """Give all keys of a group the same one, so that all rows with these keys are in one split.

    It is the MD5 of the smallest of them, since the smallest itself would be in train more often than not.
    """
    found = UnionFind()
    keys = connection.execute(
        f"SELECT DISTINCT first(key ORDER BY file, row) OVER (PARTITION BY leader), key FROM {GROUPS}"
    ).fetchall()
    for first, key in keys:
        found.join(first, key)
    numbers, leaders = found.groups()
    connection.register("joined_keys", pa.table({"old": to_arrow(numbers), "new": to_arrow(leaders)}))
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE new_keys AS "
        "SELECT old, md5_number_upper(CAST(new AS VARCHAR)) AS new FROM joined_keys"
    )
    connection.execute(
        f"UPDATE {OCCURRENCES} SET key = new, final = {split_of('new', (ratios[0], ratios[1], ratios[2]))} "
        "FROM new_keys WHERE key = old"
    )
    connection.unregister("joined_keys")
