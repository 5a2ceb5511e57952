"""Reads csv, tsv and jsonl files (also .gz) of raw text to a table."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
from datasets import Dataset, concatenate_datasets
from pyarrow import csv, json

from contract.failures import UserError

SUFFIXES = (".csv", ".tsv", ".jsonl", ".csv.gz", ".tsv.gz", ".jsonl.gz")
# No row may be longer than a block.
BLOCK_BYTES = 16 * 1024 * 1024

log = logging.getLogger(__name__)


def find(folder: Path) -> list[Path]:
    """The files of raw text below `folder`, in sorted order."""
    return sorted(path for path in folder.rglob("*") if path.name.lower().endswith(SUFFIXES) and path.is_file())


def read(files: list[Path], as_text: Iterable[str]) -> Dataset:
    """The rows of `files`, one file after another, with the columns that all of them have.

    Args:
        as_text: columns whose values stay as they are written ("007", "NA", an empty one).

    Raises:
        UserError: a file is not what its name says, or the files have no column in common.
    """
    types = dict.fromkeys(as_text, pa.string())
    tables = [table(file, types) for file in files]
    shared = [name for name in tables[0].column_names if all(name in other.column_names for other in tables)]
    if not shared:
        raise UserError(f"files {files[0].name} to {files[-1].name} have no column in common")
    return concatenate_datasets([Dataset(part.select(shared)) for part in tables])


def table(file: Path, types: dict[str, pa.DataType]) -> pa.Table:
    """The rows of one file."""
    try:
        if ".jsonl" in file.name.lower():
            return json.read_json(file, json.ReadOptions(block_size=BLOCK_BYTES))
        return delimited(file, types)
    except (pa.ArrowInvalid, OSError, EOFError) as error:
        raise UserError(f"file {file.name} cannot be read: {str(error).splitlines()[0]}") from None


def delimited(file: Path, types: dict[str, pa.DataType]) -> pa.Table:
    """A csv file, or a tsv file, where a quote is data.

    A line with more or fewer values than the header is skipped, and counted in the log.
    """
    is_tsv = ".tsv" in file.name.lower()
    broken: list[int] = []

    def pass_over(row: csv.InvalidRow) -> str:
        broken.append(row.number)
        return "skip"

    found = csv.read_csv(
        file,
        # One thread, so that a broken line knows its number.
        csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
        csv.ParseOptions(
            delimiter="\t" if is_tsv else ",",
            quote_char=False if is_tsv else '"',
            newlines_in_values=not is_tsv,
            invalid_row_handler=pass_over,
        ),
        csv.ConvertOptions(column_types=types),
    )
    if broken:
        log.warning(
            "file %s: %s lines have another number of values than the header and are skipped, the first is line %s",
            file.name,
            f"{len(broken):,}",
            broken[0],
        )
    return found
