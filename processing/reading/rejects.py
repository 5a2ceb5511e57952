"""Writes rejects.jsonl: rejected rows with file, line, column and reason; reads DuckDB's tables of broken lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import duckdb

from processing.reading.lines import STRAY_QUOTE, TOO_LONG
from processing.reading.query import VALUE_CHARS
from processing.reading.scan import REJECTS_TABLE, SCANS_TABLE
from processing.sql import literal

REJECTS_FILE, CONFLICTS_FILE = "rejects.jsonl", "conflicts.jsonl"
# The reason in rejects.jsonl for each of DuckDB's error types.
REASONS = {
    "CAST": "value of another type",
    "MISSING COLUMNS": "too few columns",
    "TOO MANY COLUMNS": "too many columns",
    "UNQUOTED VALUE": STRAY_QUOTE,
    "LINE SIZE OVER MAXIMUM": TOO_LONG,
    "INVALID ENCODING": "not UTF-8",
    "INVALID STATE": STRAY_QUOTE,
}


@dataclass(frozen=True)
class Reject:
    """A rejected row: one line of rejects.jsonl.

    Attributes:
        line: number of the row's first line in the uncompressed file, from 1; in a parquet file the row number.
        column: name of the column with the invalid value; None if the line could not be parsed.
        value: at most VALUE_CHARS characters of the value or of the line.
    """

    file: str
    line: int
    column: str | None
    reason: str
    value: str | None

    def __str__(self) -> str:
        """Where it is and why it was rejected, without its value."""
        return f"line {self.line} of {self.file} ({self.reason})"


@dataclass(frozen=True)
class BrokenLine:
    """A line that DuckDB could not parse.

    Attributes:
        byte: the offset of its start in the uncompressed file.
        reaches_on: whether DuckDB read it beyond the end of its file, into the next one of the group.
    """

    line: int
    byte: int
    column: str | None
    reason: str
    value: str | None
    reaches_on: bool = False


def broken_lines(connection: duckdb.DuckDBPyConnection, mark: str | None = None) -> list[BrokenLine]:
    """The lines that the last scan could not parse, in the order of the file; drops DuckDB's tables of them.

    Of a line with several errors the first is reported.

    Args:
        mark: what ends each file of a group.
    """
    reaches_on = "false" if mark is None else f"contains(first(csv_line), {literal(mark)})"
    tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if REJECTS_TABLE not in tables:
        return []
    query = (
        "SELECT line, line_byte_position, first(column_name ORDER BY byte_position), "
        f"first(CAST(error_type AS VARCHAR) ORDER BY byte_position), left(first(csv_line), {VALUE_CHARS}), "
        f"{reaches_on} "
        f"FROM {REJECTS_TABLE} GROUP BY ALL ORDER BY line_byte_position"
    )
    errors = connection.execute(query).fetchall()
    connection.execute(f"DROP TABLE {REJECTS_TABLE}")
    connection.execute(f"DROP TABLE {SCANS_TABLE}")
    return [
        # DuckDB counts bytes from 1.
        BrokenLine(line, byte - 1, column, REASONS.get(kind, kind.lower()), value and value.strip("\r\n"), reaches)
        for line, byte, column, kind, value, reaches in errors
    ]


def append_lines(path: Path, lines: Iterable[Mapping[str, object]]) -> None:
    """Append `lines` to the JSON Lines file `path`, which is created if it does not exist."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


class RejectsFile:
    """Writes rejects.jsonl.

    Attributes:
        listed: number of rows written.
        first: the first row written; None if there is none.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.listed = 0
        self.first: Reject | None = None
        self._file = (folder / REJECTS_FILE).open("w", encoding="utf-8")

    def write(self, rejects: Iterator[Reject]) -> None:
        """Append one line for each rejected row."""
        for reject in rejects:
            self._file.write(json.dumps(asdict(reject), ensure_ascii=False) + "\n")
            self.listed += 1
            self.first = self.first or reject

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
