"""The table of rows that would be kept, in DuckDB, which can sort on disk what does not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb
import pyarrow as pa

from processing.exchange import Exchange
from processing.options import ProcessingOptions
from processing.rows.filters import Outcome
from processing.rows.hashes import normalized_sql, rank_sql

OCCURRENCES, MARKS = "occurrences", "marks"
# Rows that each host gives to the others at once: about 7 MB.
EXCHANGED_ROWS = 100_000
# key is the hash that assigns the split (u in rows/split.py), final the split after all rules.
COLUMNS = (
    "hash UBIGINT, hash_low UBIGINT, rank UBIGINT, split UTINYINT, final UTINYINT, number BIGINT, key UBIGINT, "
    "copies USMALLINT, file UBIGINT, row BIGINT"
)


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables of rows and of marks (rows whose outcome, split or copies differ from what the query says)."""
    connection.execute(f"CREATE TEMP TABLE {OCCURRENCES} ({COLUMNS})")
    connection.execute(
        f"CREATE TEMP TABLE {MARKS} (file UBIGINT, row BIGINT, outcome UTINYINT, split UTINYINT, copies USMALLINT)"
    )


def rank(options: ProcessingOptions, text: str = "text") -> str:
    """SQL for the rank of a row, over the column `text`; with --drop-duplicates duplicates have the same rank."""
    return rank_sql(options.seed, normalized_sql(text) if options.drop_duplicates else text)


def file_sql(numbers: Sequence[int]) -> str:
    """SQL for the number in the job of a row's file, over the column `file`, its number in its group.

    Args:
        numbers: those of the files of the group.
    """
    if list(numbers) == list(range(numbers[0], numbers[0] + len(numbers))):
        return f"CAST({numbers[0]}{' + file' if len(numbers) > 1 else ''} AS UBIGINT)"
    return f"CAST({list(numbers)}[file + 1] AS UBIGINT)"


def in_files(numbers: Sequence[int]) -> str:
    """SQL condition: a row of a table of the first pass is of one of the files with these numbers in the job."""
    return f"file IN ({', '.join(map(str, numbers))})"


def occurrences_sql(options: ProcessingOptions, numbers: Sequence[int], query: str, *more: str) -> str:
    """SQL for the rows of OCCURRENCES of a file or a group of files.

    Args:
        numbers: as of `file_sql`.
        query: the job's query over the file, with the columns outcome, text, split, number, key_hash and, of a group,
            file.
        more: further SQL expressions over these columns.
    """
    by_text = options.drop_duplicates or options.conflicts != "keep"
    # Both halves of the MD5: Arrow has no integer of 128 bits.
    text = normalized_sql("text")
    halves = [f"md5_number_{half}({text})" if by_text else "CAST(NULL AS UBIGINT)" for half in ("upper", "lower")]
    fixed = ("split", "split", "number", "key_hash", "1", file_sql(numbers), "row")
    values = ", ".join((*halves, rank(options), *fixed, *more))
    numbered = f"SELECT *, row_number() OVER () - 1 AS row FROM ({query})"
    return f"SELECT {values} FROM ({numbered}) WHERE outcome = {int(Outcome.KEPT)}"


def leave_out(connection: duckdb.DuckDBPyConnection, rows: str, outcome: Outcome) -> None:
    """Mark rows with `outcome` and remove them from the table; `rows` is SQL for their (file, row)."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE left_out AS SELECT file, row FROM ({rows})")
    connection.execute(f"INSERT INTO {MARKS} SELECT file, row, {int(outcome)}, NULL, 1 FROM left_out")
    connection.execute(f"DELETE FROM {OCCURRENCES} o USING left_out l WHERE o.file = l.file AND o.row = l.row")
    connection.execute("DROP TABLE left_out")


def drop_duplicates(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave out every row whose normalized text an earlier row has."""
    place = "row_number() OVER (PARTITION BY hash, hash_low ORDER BY file, row)"
    leave_out(connection, f"SELECT file, row FROM {OCCURRENCES} QUALIFY {place} > 1", Outcome.DUPLICATE)


def exchange_rows(connection: duckdb.DuckDBPyConnection, exchange: Exchange) -> None:
    """Add the rows of all other hosts to the table, which then is the same on every host, but for the order of rows."""
    for rows in exchange.tables("keys of rows", own_rows(connection)):
        connection.register("others", rows)
        connection.execute(f"INSERT INTO {OCCURRENCES} SELECT * FROM others")
        connection.unregister("others")


def own_rows(connection: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
    """The rows that the table has now, EXCHANGED_ROWS at a time; those that come after them do not matter."""
    [(own,)] = connection.execute(f"SELECT count(*) FROM {OCCURRENCES}").fetchall()
    for first in range(0, own, EXCHANGED_ROWS):
        end = min(first + EXCHANGED_ROWS, own)
        rows = connection.sql(f"SELECT * FROM {OCCURRENCES} WHERE rowid >= {first} AND rowid < {end}").to_arrow_table()
        if rows.num_rows != end - first:
            raise RuntimeError(f"{rows.num_rows} rows of {end - first} were read to exchange them")
        yield rows
