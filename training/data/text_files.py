"""Reads csv, tsv and JSON files (also .gz) of raw text to a table: the columns that are wanted, every value as text."""

from __future__ import annotations

import gzip
import io
import json
import logging
import math
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TextIO

import pyarrow as pa
from datasets import Dataset
from pyarrow import csv

from contract.failures import UserError

SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".csv.gz", ".tsv.gz", ".jsonl.gz", ".json.gz")
# No row may be longer than a block.
BLOCK_BYTES = 16 * 1024 * 1024
# Of a tsv file, looked through for quotes that are not part of the text.
PROBE_BYTES = 1024 * 1024
# What may be repeated of pyarrow's and zlib's messages; the rest of them can hold rows of the file.
HARMLESS = re.compile(
    r"Empty CSV file|invalid UTF-?8|straddl\w+|[Nn]ot a gzip\w* file|[Ii]ncorrect \w+ check|end-of-stream"
)
# A quoted value with a quote in it, as csv writers escape it: """He said ""no""" """.
ESCAPED_QUOTE = re.compile(rb'(?:^|[\t\n])"(?:[^"\t\n]|"")*""(?:[^"\t\n]|"")*"(?=[\t\r\n]|$)')
OPENING_QUOTE = re.compile(rb'(?:^|[\t\n])"')

log = logging.getLogger(__name__)


def find(folder: Path) -> list[Path]:
    """The files of raw text below `folder`, in sorted order; hidden ones, and those in hidden folders, are left out."""
    found = [path for path in folder.rglob("*") if path.name.lower().endswith(SUFFIXES) and path.is_file()]
    return sorted(path for path in found if not is_hidden(path.relative_to(folder)))


def is_hidden(path: Path) -> bool:
    """Whether the path is in .ipynb_checkpoints, or is ._a.csv, which macOS makes."""
    return any(part.startswith(".") for part in path.parts)


def read(files: Sequence[Path], wanted: Iterable[str]) -> Dataset:
    """The rows of `files`, one file after another: those of the columns `wanted` that all of them have.

    Values stay as they are written ("007", "NA", "2020-01-01"), numbers and truth values of JSON as JSON writes them.

    Raises:
        UserError: a file is not what its name says, has none of the columns, or one of them twice, or the files have
            none of them in common. No message holds a value or a column name of a file: without a header line the
            first row would be taken for names.
    """
    names = list(dict.fromkeys(wanted))
    tables = [table(file, names) for file in files]
    shared = [name for name in names if all(name in part.column_names for part in tables)]
    if not shared:
        raise UserError(
            f"files {files[0].name} to {files[-1].name} have none of the columns {', '.join(names)} in common"
        )
    return Dataset(pa.concat_tables([part.select(shared) for part in tables]))


def table(file: Path, wanted: Sequence[str]) -> pa.Table:
    """The rows of one file, in those of the columns `wanted` that it has."""
    try:
        return from_json(file, wanted) if ".json" in file.name.lower() else delimited(file, wanted)
    except UnicodeDecodeError as error:
        raise UserError(f"file {file.name} cannot be read: byte {error.start:,} is not UTF-8") from None
    except (pa.ArrowInvalid, OSError, EOFError, zlib.error) as error:
        harmless = HARMLESS.search(str(error))
        raise UserError(
            f"file {file.name} cannot be read: {harmless[0] if harmless else type(error).__name__}"
        ) from None


def no_column(file: Path, count: int, wanted: Sequence[str]) -> UserError:
    return UserError(
        f"file {file.name}: none of its {count} columns is named {', '.join(wanted)}; expected a header line where it "
        "is csv or tsv, and the hyperparameters text_column and label_column to name the columns"
    )


# Separated by commas or tabs


def delimited(file: Path, wanted: Sequence[str]) -> pa.Table:
    """A csv file, or a tsv file, where a quote is part of the text.

    A line with more or fewer values than the header is left out, and counted in the log.

    Raises:
        UserError: a tsv file whose values are quoted as in csv.
    """
    is_tsv = ".tsv" in file.name.lower()
    broken: list[int | None] = []

    def leave_out(row: csv.InvalidRow) -> Literal["skip"]:
        broken.append(row.number)
        return "skip"

    # One thread, so that a broken line knows its number.
    reading = csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False)
    parsing = csv.ParseOptions(
        delimiter="\t" if is_tsv else ",",
        quote_char=False if is_tsv else '"',
        newlines_in_values=not is_tsv,
        invalid_row_handler=leave_out,
    )
    with csv.open_csv(file, reading, parsing) as reader:
        header = reader.schema.names
    names = known_columns(file, header, wanted)
    broken.clear()
    converting = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), include_columns=names)
    found = csv.read_csv(file, reading, parsing, converting)
    if is_tsv:
        refuse_quoted(file, bool(broken))
    if broken:
        log.warning(
            "file %s: %s lines have another number of values than the header and are skipped, the first is line %s",
            *(file.name, f"{len(broken):,}", broken[0]),
        )
    return found


def known_columns(file: Path, header: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Those of the columns `wanted` that the file has; the others of a file that has some are named in the log.

    Raises:
        UserError: it has none, or one of them twice.
    """
    names = [name for name in wanted if name in header]
    if not names:
        raise no_column(file, len(header), wanted)
    for name in names:
        if header.count(name) > 1:
            raise UserError(f"file {file.name} has {header.count(name)} columns named {name}, expected one")
    others = [name for name in header if name not in names]
    if others:
        log.info("file %s: columns %s are read, %s are not", file.name, ", ".join(names), ", ".join(others))
    return names


def refuse_quoted(file: Path, has_broken_lines: bool) -> None:
    """Raises UserError: values of a tsv file are quoted, so that quotes would stay in texts, and lines be torn."""
    with opened_bytes(file) as stream:
        start = stream.read(PROBE_BYTES)
    if ESCAPED_QUOTE.search(start) or (has_broken_lines and OPENING_QUOTE.search(start)):
        raise UserError(
            f"file {file.name} has values in quotes, as pandas writes them, but in a tsv file quotes are part of the "
            "text; expected a csv file, or one without such quotes: process it first"
        )


def opened_bytes(file: Path) -> Any:
    return gzip.open(file, "rb") if file.name.lower().endswith(".gz") else file.open("rb")


# JSON


def from_json(file: Path, wanted: Sequence[str]) -> pa.Table:
    """A file of JSON Lines, or one array of objects."""
    with opened_bytes(file) as binary:
        lines = decoded(binary)
        seen: set[str] = set()
        columns: dict[str, list[str | None]] = {name: [] for name in wanted}
        for place, row in enumerate(objects(file, lines), 1):
            seen |= row.keys()
            for name, values in columns.items():
                values.append(text_of(row.get(name), name, file, place))
    if not seen.intersection(wanted):
        raise no_column(file, len(seen), wanted)
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items() if name in seen})


def decoded(binary: Any) -> TextIO:
    return io.TextIOWrapper(binary, encoding="utf-8-sig", newline="\n")


def objects(file: Path, lines: TextIO) -> Iterator[dict[str, Any]]:
    """The objects of a JSON file, whose first character tells whether it is one array."""
    number = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if line.lstrip().startswith("["):
            yield from parsed(file, line + lines.read(), number, list)
            return
        yield parsed(file, line, number, dict)
    if not number:
        raise UserError(f"file {file.name} is empty; expected JSON objects, one a line")


def parsed(file: Path, text: str, number: int, kind: type) -> Any:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(
            f"file {file.name} cannot be read: line {number + error.lineno - 1} is no JSON ({error.msg})"
        ) from None
    items = found if isinstance(found, list) else [found]
    if not isinstance(found, kind) or not all(isinstance(item, dict) for item in items):
        raise UserError(
            f"file {file.name}: line {number} is no JSON object; expected objects, one a line, or one array"
        )
    return found


def text_of(value: Any, name: str, file: Path, place: int) -> str | None:
    """A value as text; none where it is missing.

    Raises:
        UserError: it is an array or an object.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, (list, dict)):
        raise UserError(
            f"file {file.name}: {name} of row {place} is {'an array' if isinstance(value, list) else 'an object'}, "
            "expected text or a number"
        )
    return json.dumps(value)
