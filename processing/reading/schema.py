"""Column names and SQL types of an input file, from its header and its first rows; opens compressed files.

Every value of a csv, tsv or jsonl file is read as text, so that it does not depend on the values of
other rows. Only the user's conditions in SQL use the types, which are guessed from the first rows.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TextIO

import pyarrow as pa

from contract.failures import UserError
from processing.reading.source import SourceFile

SAMPLE_ROWS = 1000
# Longest line in bytes; a longer one is rejected. DuckDB's own default of 2 MB is less than some documents.
MAX_LINE_BYTES = 8 * 1024 * 1024


@contextmanager
def opened_bytes(file: SourceFile) -> Iterator[BinaryIO]:
    """Open `file` as a binary stream, decompressed."""
    with file.path.open("rb") as raw:
        if file.compression == "gzip":
            yield gzip.GzipFile(fileobj=raw)  # type: ignore[misc]  # It has the methods of BinaryIO.
        elif file.compression == "zstd":
            stream = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
            yield io.BufferedReader(stream)  # type: ignore[type-var]  # It reads as a RawIOBase does.
        else:
            yield raw


@contextmanager
def opened(file: SourceFile) -> Iterator[TextIO]:
    """Open `file` as a text stream, decompressed, without a byte order mark; invalid UTF-8 becomes U+FFFD.

    Line endings are not converted, as the csv module requires.
    """
    with opened_bytes(file) as data:
        yield io.TextIOWrapper(data, "utf-8-sig", errors="replace", newline="\n")


def columns(file: SourceFile) -> dict[str, str]:
    """Name and SQL type of each column of a csv, tsv or jsonl file, guessed from its first SAMPLE_ROWS rows.

    Raises:
        UserError: the file cannot be decompressed, is empty, or has two columns of the same name.
    """
    try:
        with opened(file) as text:
            return json_columns(text) if file.format == "jsonl" else table_columns(file, text)
    except (OSError, EOFError, csv.Error) as error:
        raise UserError(f"input file {file.name} cannot be read: {error}") from None


def table_columns(file: SourceFile, text: TextIO) -> dict[str, str]:
    """`columns` for a csv or tsv file."""
    rows = records(file.format, text)
    header = next(rows, [])
    if not any(header):
        raise UserError(f"input file {file.name} is empty, expected a first line with column names")
    # DuckDB's column names are case-insensitive.
    folded = [name.lower() for name in header]
    for name in header:
        if folded.count(name.lower()) > 1:
            raise UserError(f"input file {file.name} has the column {name!r} twice, expected different names")
    values: list[list[str]] = [[] for _ in header]
    for row in itertools.islice(rows, SAMPLE_ROWS):
        for column, value in zip(values, row, strict=False):
            column.append(value)
    return {name: text_type(column) for name, column in zip(header, values, strict=True)}


def records(kind: str, text: TextIO) -> Iterator[list[str]]:
    """The records of a csv file, or of a tsv file, where quotation marks are data."""
    if kind == "tsv":
        return (line.rstrip("\r\n").split("\t") for line in text)
    return csv.reader(text, strict=False)


def json_columns(text: TextIO) -> dict[str, str]:
    """`columns` for a JSON Lines file."""
    values: dict[str, list[Any]] = {}
    for line in itertools.islice(text, SAMPLE_ROWS):
        try:
            row = json.loads(line)
        except ValueError:
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
    if kinds == {bool}:
        return "BOOLEAN"
    if kinds == {int}:
        return "BIGINT"
    return "DOUBLE" if kinds and kinds <= {int, float} else "VARCHAR"
