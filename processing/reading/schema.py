"""Column names and SQL types of an input file: those that it states, or from its header and its first rows.

Every value of a csv, tsv or jsonl file is read as text, so that it does not depend on the values of
other rows. Only the user's conditions in SQL use the types, which are guessed from the first rows.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any

import duckdb

from contract.dialect import Dialect
from contract.failures import UserError
from processing.reading import text_folder
from processing.reading.content import decoded, numbered
from processing.reading.errors import READ_ERRORS, without_values
from processing.reading.layout import layout, parsed, sample
from processing.reading.opening import opened
from processing.reading.query import FOLDER
from processing.reading.scan import scan
from processing.reading.source import TEXTS, SourceFile, folder_columns

SAMPLE_ROWS = 1000


def describe(connection: duckdb.DuckDBPyConnection, file: SourceFile) -> dict[str, str]:
    """Name and SQL type of each column of `file`; FOLDER for those that only the names of its folders give.

    Raises:
        UserError: the file cannot be read.
    """
    columns = own_columns(connection, file)
    names = {name.lower() for name in columns}
    return columns | {name: FOLDER for name in folder_columns(file) if name.lower() not in names}


def own_columns(connection: duckdb.DuckDBPyConnection, file: SourceFile) -> dict[str, str]:
    """Name and SQL type of each column in `file` itself; raises UserError as `describe`."""
    if not file.is_typed:
        return columns(file)
    with opened(connection, file) as source:
        try:
            rows = connection.execute(f"DESCRIBE SELECT * FROM {scan(source.file, {})}").fetchall()
        except READ_ERRORS as error:
            raise UserError(f"input file {file.name} cannot be read: {without_values(error)}") from None
    return {name: kind for name, kind, *_ in rows}


def columns(file: SourceFile) -> dict[str, str]:
    """Name and SQL type of each column of a csv, tsv or jsonl file, guessed from its first SAMPLE_ROWS rows.

    Raises:
        UserError: the file cannot be read, is empty, or has two columns of the same name.
    """
    if file.compression == TEXTS:
        return dict(text_folder.COLUMNS)
    if file.format == "jsonl":
        return json_columns(itertools.islice((line for _, line in numbered(decoded(file))), SAMPLE_ROWS))
    return table_columns(file)


def table_columns(file: SourceFile) -> dict[str, str]:
    """`columns` for a csv or tsv file."""
    found = layout(file)
    values: list[list[str]] = [[] for _ in found.names]
    for row in first_records(file, found.dialect):
        for column, value in zip(values, row, strict=False):
            column.append(value)
    return {name: text_type(column) for name, column in zip(found.names, values, strict=True)}


def first_records(file: SourceFile, dialect: Dialect) -> Iterator[list[str]]:
    """The first SAMPLE_ROWS records of a csv or tsv file, without the header; none after one that is broken."""
    rows = parsed(sample(file, dialect.encoding), dialect)
    yield from itertools.islice(rows, int(dialect.has_header), int(dialect.has_header) + SAMPLE_ROWS)


def json_columns(lines: Iterable[bytes]) -> dict[str, str]:
    """`columns` for JSON Lines; a column with lists or objects has the type JSON."""
    values: dict[str, list[Any]] = {}
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        for name, value in row.items() if isinstance(row, dict) else ():
            values.setdefault(name, []).append(value)
    return {name: json_type(column) for name, column in values.items()}


def text_type(values: Iterable[str]) -> str:
    """The SQL type of texts: BIGINT or DOUBLE if all that are not empty are such numbers, else VARCHAR."""
    present = [value for value in values if value]
    for kind, name in ((int, "BIGINT"), (float, "DOUBLE")):
        if present and all(parses(value, kind) for value in present):
            return name
    return "VARCHAR"


def parses(value: str, kind: type[int] | type[float]) -> bool:
    """Whether `value` is a number of type `kind` that fits the SQL type."""
    try:
        number = kind(value)
    except ValueError:
        return False
    return isinstance(number, float) or abs(number) < 2**63


def json_type(values: Iterable[Any]) -> str:
    """The SQL type of JSON values."""
    kinds = {type(value) for value in values if value is not None}
    if kinds & {list, dict}:
        return "JSON"
    if kinds == {bool}:
        return "BOOLEAN"
    if kinds == {int}:
        return "BIGINT"
    return "DOUBLE" if kinds and kinds <= {int, float} else "VARCHAR"
