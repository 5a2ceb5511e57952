"""Column names and SQL types of an input file: those that it states, or from its header or its first rows.

Every value of a csv, tsv or jsonl file is read as text, so that it does not depend on the values of
other rows.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable

import duckdb

from contract.failures import UserError
from processing.reading import text_folder
from processing.reading.arrow_files import column_names
from processing.reading.columns import refuse_same_names
from processing.reading.content import decoded, split_lines
from processing.reading.errors import READ_ERRORS, without_values
from processing.reading.layout import layout
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
    if not (of_folders := folder_columns(file)):
        return columns
    names = {name.lower() for name in columns}
    return columns | {name: FOLDER for name in of_folders if name.lower() not in names}


def own_columns(connection: duckdb.DuckDBPyConnection, file: SourceFile) -> dict[str, str]:
    """Name and SQL type of each column in `file` itself; raises UserError as `describe`."""
    if not file.is_typed:
        return columns(file)
    # The database would rename the second of them.
    refuse_same_names(file, column_names(file))
    with opened(connection, file) as source:
        try:
            rows = connection.execute(f"DESCRIBE SELECT * FROM {scan(source.file, {})}").fetchall()
        except READ_ERRORS as error:
            raise UserError(f"input file {file.name} cannot be read: {without_values(error)}") from None
    return {name: kind for name, kind, *_ in rows}


def columns(file: SourceFile) -> dict[str, str]:
    """Name and SQL type of each column of a csv, tsv or jsonl file; of JSON by the first SAMPLE_ROWS rows.

    The type is VARCHAR, JSON for objects, or JSON[] for lists.

    Raises:
        UserError: the file cannot be read, is empty, or has two columns of the same name.
    """
    if file.compression == TEXTS:
        return dict(text_folder.COLUMNS)
    if file.format == "jsonl":
        return json_columns(itertools.islice(split_lines(decoded(file)), SAMPLE_ROWS))
    return dict.fromkeys(layout(file).names, "VARCHAR")


def json_columns(lines: Iterable[bytes]) -> dict[str, str]:
    """`columns` for JSON Lines."""
    kinds: dict[str, str] = {}
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        for name, value in row.items() if isinstance(row, dict) else ():
            if isinstance(value, dict) or (isinstance(value, list) and kinds.get(name) != "JSON"):
                kinds[name] = "JSON" if isinstance(value, dict) else "JSON[]"
            else:
                kinds.setdefault(name, "VARCHAR")
    return kinds
