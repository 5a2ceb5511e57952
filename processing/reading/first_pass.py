"""The first pass over all files, for --drop-duplicates, --max-rows and --balance: duplicates and cut-off hashes.

In tables of the database, so that DuckDB can sort on disk what does not fit into memory. With
replicated input every host surveys all rows where a cut is wanted, and comes to the same one.
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
    """Rows of a rank above these are left out; none means no cut.

    Attributes:
        all_rows: for every row.
        by_class: for the rows of a class in the split BALANCED.
    """

    all_rows: int | None = None
    by_class: Mapping[int, int] = field(default_factory=dict)


def is_needed(options: ProcessingOptions) -> bool:
    return options.drop_duplicates or wants_cuts(options)


def wants_cuts(options: ProcessingOptions) -> bool:
    """Whether `options` ask for something that only a look at all rows of all hosts decides."""
    return options.max_rows is not None or options.balance


def rank(options: ProcessingOptions) -> str:
    """SQL for the rank of a row over the column `text`; duplicates have the same where they are dropped."""
    return rank_sql(options.seed, normalized_sql("text") if options.drop_duplicates else "text")


class FirstPass:
    """What a first pass finds out; `note` every file, `decide` once, then ask.

    Attributes:
        cuts: none before `decide`.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, options: ProcessingOptions) -> None:
        self.cuts = Cuts()
        self._connection, self._options = connection, options
        connection.execute(
            f"CREATE TEMP TABLE {OCCURRENCES} "
            "(hash UHUGEINT, rank UBIGINT, split UTINYINT, number BIGINT, file UBIGINT, row BIGINT)"
        )

    def note(self, file: int, query: str) -> None:
        """Note the rows of file number `file` that the job's query over it would keep."""
        text_hash = f"md5_number({normalized_sql('text')})" if self._options.drop_duplicates else "NULL"
        self._connection.execute(
            f"INSERT INTO {OCCURRENCES} SELECT {text_hash}, {rank(self._options)}, split, number, {file}, row FROM "
            f"(SELECT outcome, text, split, number, row_number() OVER () - 1 AS row FROM ({query})) "
            f"WHERE outcome = {int(Outcome.KEPT)}"
        )

    def decide(self) -> None:
        """Tell duplicates from firsts and find the cuts, once every file is noted."""
        if self._options.drop_duplicates:
            self._find_duplicates()
        all_rows = None if self._options.max_rows is None else self._cut(self._options.max_rows, "true")
        by_class = self._balance("true" if all_rows is None else f"rank <= {all_rows}") if self._options.balance else {}
        self.cuts = Cuts(all_rows, by_class)
        self._connection.execute(f"DROP TABLE {OCCURRENCES}")

    def duplicates(self, file: int) -> NDArray[np.int64]:
        """Rows of file number `file`, counted from 0, that are duplicates of an earlier one; ascending."""
        if not self._options.drop_duplicates:
            return np.empty(0, np.int64)
        relation = self._connection.sql(f"SELECT row FROM {DUPLICATES} WHERE file = {file} ORDER BY row")
        found = [to_numpy(batch.column(0), np.int64) for batch in relation.to_arrow_reader(FETCHED_ROWS)]
        return np.concatenate([np.empty(0, np.int64), *found])

    def _find_duplicates(self) -> None:
        self._connection.execute(
            f"CREATE TEMP TABLE {DUPLICATES} AS SELECT file, row FROM {OCCURRENCES} "
            "QUALIFY row_number() OVER (PARTITION BY hash ORDER BY file, row) > 1"
        )
        self._connection.execute(
            f"DELETE FROM {OCCURRENCES} WHERE (file, row) IN (SELECT (file, row) FROM {DUPLICATES})"
        )

    def _balance(self, condition: str) -> dict[int, int]:
        """Where to cut the classes that have more rows in BALANCED than the smallest that has any."""
        wanted = f"{condition} AND split = {SPLITS.index(BALANCED)}"
        query = f"SELECT number, count(*) FROM {OCCURRENCES} WHERE {wanted} GROUP BY number"
        rows = dict(self._connection.execute(query).fetchall())
        smallest = min(rows.values(), default=0)
        cuts = {number: self._cut(smallest, f"{wanted} AND number = {number}") for number in sorted(rows)}
        return {number: cut for number, cut in cuts.items() if cut is not None}

    def _cut(self, most: int, condition: str) -> int | None:
        """The largest rank that at most `most` rows of those under `condition` do not exceed; none where all fit.

        Rows of one rank stay or go together: they are equal, and nothing but their place tells them apart.
        """
        [(rows,)] = self._connection.execute(f"SELECT count(*) FROM {OCCURRENCES} WHERE {condition}").fetchall()
        if rows <= most:
            return None
        [(found,)] = self._connection.execute(
            "SELECT max(rank) FROM (SELECT rank, sum(rows) OVER (ORDER BY rank) AS total FROM "
            f"(SELECT rank, count(*) AS rows FROM {OCCURRENCES} WHERE {condition} "
            f"GROUP BY rank ORDER BY rank LIMIT {most + 1})) WHERE total <= {most}"
        ).fetchall()
        return NO_ROW if found is None else found
