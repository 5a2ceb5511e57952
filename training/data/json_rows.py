"""Reads JSON files of raw text: objects, one a line, or one array of them; values as text, or as arrays of text."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa

from contract.dialect import TextSettings
from contract.failures import UserError
from training.data.decompression import opened
from training.data.delimited import encoding_of, no_column


def read(file: Path, wanted: Sequence[str], settings: TextSettings) -> pa.Table:
    """A file of JSON Lines, or one array of objects."""
    encoding = encoding_of(file, settings)
    with opened(file) as binary:
        lines = io.TextIOWrapper(binary, encoding=encoding, newline="\n")
        seen: set[str] = set()
        columns: dict[str, list[Any]] = {name: [] for name in wanted}
        for place, row in enumerate(objects(file, lines), 1):
            seen |= row.keys()
            for name, values in columns.items():
                values.append(value_of(row.get(name), name, file, place))
    if not seen.intersection(wanted):
        raise no_column(file, len(seen), wanted)
    return pa.table({name: column(values, name, file) for name, values in columns.items() if name in seen})


def column(values: list[Any], name: str, file: Path) -> pa.Array:
    """Strings, or lists of strings where values are arrays.

    Raises:
        UserError: some values are arrays and others are not.
    """
    arrays = sum(isinstance(value, list) for value in values)
    if not arrays:
        return pa.array(values, pa.string())
    if arrays + values.count(None) != len(values):
        raise UserError(
            f"file {file.name}: {name} is an array in {arrays:,} of {len(values):,} rows, expected arrays in all rows "
            "or in none"
        )
    return pa.array(values, pa.list_(pa.string()))


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


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of `pairs`, the first of those with the same name, as processing takes it."""
    return dict(reversed(pairs))


def parsed(file: Path, text: str, number: int, kind: type) -> Any:
    try:
        # Numbers stay as they are written.
        found = json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise UserError(
            f"file {file.name} cannot be read: line {number + error.lineno - 1} is no JSON ({error.msg})"
        ) from None
    items = found if isinstance(found, list) else [found]
    if not isinstance(found, kind) or not all(isinstance(item, dict) for item in items):
        raise UserError(
            f"file {file.name}: line {number} is no JSON object; expected objects, one a line, or one array: "
            "process it first, which takes other forms too"
        )
    return found


def value_of(value: Any, name: str, file: Path, place: int) -> str | list[str | None] | None:
    """A value as text, or an array of several labels as texts; none where it is missing."""
    if isinstance(value, list):
        return [text_of(item, name, file, place) for item in value]
    return text_of(value, name, file, place)


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
