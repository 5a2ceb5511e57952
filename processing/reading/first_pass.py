"""First pass over all files for --drop-duplicates, --max-rows and --balance: finds duplicates and the largest ranks.

It uses tables in DuckDB, which can sort on disk what does not fit into memory. For --max-rows and
--balance every host reads all rows of the replicated input, so that all compute the same result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb
import numpy as np
from numpy.typing import NDArray

from processing.arrays import to_numpy
from processing.options import ProcessingOptions
from processing.rows.filters import Outcome
from processing.rows.hashes import normalized_sql, rank_sql
from processing.rows.split import SPLITS

OCCURRENCES, DUPLICATES = "occurrences", "duplicates"
FETCHED_ROWS = 100_000
NO_ROW = -1
BALANCED = "train"


@dataclass(frozen=True)
class Cuts:
    """Largest ranks (processing/rows/hashes.py) of rows that are kept; rows with larger ranks are filtered.

    Attributes:
        all_rows: largest rank of any row, for --max-rows; None for no limit.
        by_class: largest rank of rows in the split BALANCED by class, for --balance; a class not in it has no limit.
    """

    all_rows: int | None = None
    by_class: Mapping[int, int] = field(default_factory=dict)


def is_needed(options: ProcessingOptions) -> bool:
    """Whether `options` need a first pass."""
    return options.drop_duplicates or wants_cuts(options)


def wants_cuts(options: ProcessingOptions) -> bool:
    """Whether `options` sample rows (--max-rows, --balance), which needs the rows of all hosts."""
    return options.max_rows is not None or options.balance


def rank(options: ProcessingOptions) -> str:
    """SQL for the rank of a row, over the column `text`; with --drop-duplicates duplicates have the same rank."""
    return rank_sql(options.seed, normalized_sql("text") if options.drop_duplicates else "text")


class FirstPass:
    """The first pass: call `add_file` for every file, then `finish`, then read `cuts` and `duplicates`.

    Attributes:
        cuts: largest ranks of kept rows; without limits before `finish`.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, options: ProcessingOptions) -> None:
        self.cuts = Cuts()
        self._connection, self._options = connection, options
        connection.execute(
            f"CREATE TEMP TABLE {OCCURRENCES} "
            "(hash UHUGEINT, rank UBIGINT, split UTINYINT, number BIGINT, file UBIGINT, row BIGINT)"
        )

    def add_file(self, file: int, query: str) -> None:
        """Store hash and rank of the rows of file number `file` that the job's query over it would keep."""
        text_hash = f"md5_number({normalized_sql('text')})" if self._options.drop_duplicates else "NULL"
        self._connection.execute(
            f"INSERT INTO {OCCURRENCES} SELECT {text_hash}, {rank(self._options)}, split, number, {file}, row FROM "
            f"(SELECT outcome, text, split, number, row_number() OVER () - 1 AS row FROM ({query})) "
            f"WHERE outcome = {int(Outcome.KEPT)}"
        )

    def finish(self) -> None:
        """Compute duplicates and cuts, once every file is added."""
        if self._options.drop_duplicates:
            self._find_duplicates()
        all_rows = None if self._options.max_rows is None else self._cut(self._options.max_rows, "true")
        by_class = self._balance("true" if all_rows is None else f"rank <= {all_rows}") if self._options.balance else {}
        self.cuts = Cuts(all_rows, by_class)
        self._connection.execute(f"DROP TABLE {OCCURRENCES}")

    def duplicates(self, file: int) -> NDArray[np.int64]:
        """Indices of the rows of file number `file` that are duplicates of an earlier row; sorted."""
        if not self._options.drop_duplicates:
            return np.empty(0, np.int64)
        relation = self._connection.sql(f"SELECT row FROM {DUPLICATES} WHERE file = {file} ORDER BY row")
        rows = [to_numpy(batch.column(0), np.int64) for batch in relation.to_arrow_reader(FETCHED_ROWS)]
        return np.concatenate([np.empty(0, np.int64), *rows])

    def _find_duplicates(self) -> None:
        self._connection.execute(
            f"CREATE TEMP TABLE {DUPLICATES} AS SELECT file, row FROM {OCCURRENCES} "
            "QUALIFY row_number() OVER (PARTITION BY hash ORDER BY file, row) > 1"
        )
        self._connection.execute(
            f"DELETE FROM {OCCURRENCES} WHERE (file, row) IN (SELECT (file, row) FROM {DUPLICATES})"
        )

    def _balance(self, condition: str) -> dict[int, int]:
        """Largest rank for each class that has more rows in the split BALANCED than the smallest class."""
        balanced = f"{condition} AND split = {SPLITS.index(BALANCED)}"
        query = f"SELECT number, count(*) FROM {OCCURRENCES} WHERE {balanced} GROUP BY number"
        rows = dict(self._connection.execute(query).fetchall())
        smallest = min(rows.values(), default=0)
        cuts = {number: self._cut(smallest, f"{balanced} AND number = {number}") for number in sorted(rows)}
        return {number: cut for number, cut in cuts.items() if cut is not None}

    def _cut(self, most: int, condition: str) -> int | None:
        """The largest rank with which at most `most` of the rows under `condition` are kept; None if all are.

        Rows with the same rank have equal texts, and are kept or filtered together.
        """
        [(rows,)] = self._connection.execute(f"SELECT count(*) FROM {OCCURRENCES} WHERE {condition}").fetchall()
        if rows <= most:
            return None
        [(largest,)] = self._connection.execute(
            "SELECT max(rank) FROM (SELECT rank, sum(rows) OVER (ORDER BY rank) AS total FROM "
            f"(SELECT rank, count(*) AS rows FROM {OCCURRENCES} WHERE {condition} "
            f"GROUP BY rank ORDER BY rank LIMIT {most + 1})) WHERE total <= {most}"
        ).fetchall()
        return NO_ROW if largest is None else largest
