"""rejects.jsonl: rows that could not be parsed, from DuckDB's reject tables, with file, line, column and reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import duckdb

from processing.reading.query import REJECTS_TABLE, SCANS_TABLE, VALUE_CHARS

REJECTS_FILE = "rejects.jsonl"
# DuckDB's words for what is wrong with a line.
REASONS = {
    "CAST": "value of another type",
    "MISSING COLUMNS": "too few columns",
    "TOO MANY COLUMNS": "too many columns",
    "UNQUOTED VALUE": "quotes do not match",
    "LINE SIZE OVER MAXIMUM": "line too long",
    "INVALID ENCODING": "not UTF-8",
    "INVALID STATE": "quotes do not match",
}


@dataclass(frozen=True)
class Reject:
    """One row that was not read.

    Attributes:
        line: number in the uncompressed file, from 1, of the row's first line; of a parquet file, its row.
        value: at most VALUE_CHARS characters of what was there.
    """

    file: str
    line: int
    column: str | None
    reason: str
    value: str | None


@dataclass(frozen=True)
class BrokenLine:
    """A line that DuckDB could not parse. `byte` is where it starts in the uncompressed file."""

    line: int
    byte: int
    column: str | None
    reason: str
    value: str | None


def broken_lines(connection: duckdb.DuckDBPyConnection) -> list[BrokenLine]:
    """The lines that the last scan set aside, each once, in the file's order; forgets them.

    A line can have several faults: the first is told.
    """
    tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if REJECTS_TABLE not in tables:
        return []
    query = (
        "SELECT line, line_byte_position, first(column_name ORDER BY byte_position), "
        f"first(CAST(error_type AS VARCHAR) ORDER BY byte_position), left(first(csv_line), {VALUE_CHARS}) "
        f"FROM {REJECTS_TABLE} GROUP BY ALL ORDER BY line_byte_position"
    )
    found = connection.execute(query).fetchall()
    connection.execute(f"DROP TABLE {REJECTS_TABLE}")
    connection.execute(f"DROP TABLE {SCANS_TABLE}")
    return [
        BrokenLine(line, byte, column, REASONS.get(kind, kind.lower()), value and value.strip("\r\n"))
        for line, byte, column, kind, value in found
    ]


class RejectsFile:
    """Appends rejects to rejects.jsonl."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.listed = 0
        self.first: Reject | None = None
        self._file = (folder / REJECTS_FILE).open("w", encoding="utf-8")

    def write(self, rejects: Iterator[Reject]) -> None:
        for reject in rejects:
            self._file.write(json.dumps(asdict(reject), ensure_ascii=False) + "\n")
            self.listed += 1
            self.first = self.first or reject

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
