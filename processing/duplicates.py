"""Rows whose text has been seen before: all but the first of each text, in the order of files and rows.

A pass of its own over the input, so that DuckDB can sort what does not fit into memory on disk.
Of several hosts each sees all rows of its share of the texts if input is replicated; with sharded
input, duplicates on different hosts stay.
"""

from __future__ import annotations

import duckdb
import numpy as np
from numpy.typing import NDArray

from processing.arrays import to_numpy
from processing.filters import Outcome

OCCURRENCES, DUPLICATES = "occurrences", "duplicates"
FETCHED_ROWS = 100_000


def normalized_sql(text: str) -> str:
    """SQL for what two texts must share to be duplicates: all but case, white space and Unicode form."""
    return f"lower(trim(regexp_replace(nfc_normalize({text}), '[\\s\\p{{Z}}]+', ' ', 'g')))"


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"CREATE TEMP TABLE {OCCURRENCES} (hash UHUGEINT, file UBIGINT, position BIGINT)")


def note(connection: duckdb.DuckDBPyConnection, file: int, query: str) -> None:
    """Note the texts of file number `file`, as the job's query over it returns them."""
    connection.execute(
        f"INSERT INTO {OCCURRENCES} SELECT md5_number({normalized_sql('text')}), {file}, position FROM "
        f"(SELECT outcome, text, row_number() OVER () - 1 AS position FROM ({query})) "
        f"WHERE outcome = {int(Outcome.KEPT)}"
    )


def decide(connection: duckdb.DuckDBPyConnection) -> None:
    """Tell duplicates from firsts, once every file is noted."""
    connection.execute(
        f"CREATE TEMP TABLE {DUPLICATES} AS SELECT file, position FROM {OCCURRENCES} "
        "QUALIFY row_number() OVER (PARTITION BY hash ORDER BY file, position) > 1"
    )
    connection.execute(f"DROP TABLE {OCCURRENCES}")


def positions(connection: duckdb.DuckDBPyConnection, file: int) -> NDArray[np.int64]:
    """Rows of file number `file`, counted from 0, that are duplicates; ascending."""
    relation = connection.sql(f"SELECT position FROM {DUPLICATES} WHERE file = {file} ORDER BY position")
    found = [to_numpy(batch.column(0), np.int64) for batch in relation.to_arrow_reader(FETCHED_ROWS)]
    return np.concatenate([np.empty(0, np.int64), *found])
