"""Reads csv, tsv and JSON files of raw text to a table: the columns that are wanted, every value as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
from datasets import Dataset

from contract.decompression import COMPRESSIONS
from contract.dialect import TextSettings
from contract.failures import UserError
from training.data import delimited, json_rows
from training.data.decompression import form
from training.data.delimited import DETECTED

FORMATS = (".csv", ".tsv", ".jsonl", ".json", ".ndjson")
SUFFIXES = (*FORMATS, *(form + compression for compression in COMPRESSIONS for form in FORMATS))


def find(folder: Path) -> list[Path]:
    """The files of raw text below `folder`, in sorted order, without hidden and empty ones, as in processing."""
    found = [path for path in folder.rglob("*") if path.name.lower().endswith(SUFFIXES) and path.is_file()]
    return sorted(path for path in found if path.stat().st_size and not is_hidden(path.relative_to(folder)))


def is_hidden(path: Path) -> bool:
    """Whether the path is in .ipynb_checkpoints, or is ._a.csv, which macOS makes, or _SUCCESS, which Spark does."""
    return any(part.startswith((".", "_")) for part in path.parts)


def read(files: Sequence[Path], wanted: Iterable[str], settings: TextSettings = DETECTED) -> Dataset:
    """The rows of `files`, one file after another: those of the columns `wanted` that all of them have.

    Values stay as they are written ("007", "NA", "2020-01-01"), numbers and truth values of JSON as JSON writes them.

    Args:
        settings: what the hyperparameters say about csv and tsv files.

    Raises:
        UserError: a file is not what its name says, has none of the columns, or one of them twice, or the files have
            none of them in common. No message holds a value or a column name of a file: without a header line the
            first row would be taken for names.
    """
    names = list(dict.fromkeys(wanted))
    tables = [table(file, names, settings) for file in files]
    shared = [name for name in names if all(name in part.column_names for part in tables)]
    if not shared:
        raise UserError(
            f"files {files[0].name} to {files[-1].name} have none of the columns {', '.join(names)} in common"
        )
    return Dataset(pa.concat_tables([part.select(shared) for part in tables]))


def table(file: Path, wanted: Sequence[str], settings: TextSettings) -> pa.Table:
    """The rows of one file, in those of the columns `wanted` that it has."""
    try:
        return (json_rows if "json" in form(file) else delimited).read(file, wanted, settings)
    except UnicodeError as error:
        encoding = getattr(error, "encoding", "of its encoding")
        raise UserError(
            f"file {file.name} cannot be read: its bytes are not all {encoding}; expected the hyperparameter encoding "
            "to name theirs, or process it first"
        ) from None
