"""Finds the input files by folder, file or glob; format (csv, tsv, jsonl, parquet) and compression by file name."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from contract.failures import UserError

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
EXPECTED = "csv, tsv, jsonl or parquet, the first three also as .gz or .zst"


@dataclass(frozen=True)
class SourceFile:
    """One input file.

    Attributes:
        path: absolute path.
        name: name in logs and reports: its path relative to the input folder.
        format: csv, tsv, jsonl or parquet.
        compression: none, gzip or zstd.
    """

    path: Path
    name: str
    format: str
    compression: str = "none"


def source_file(path: Path, folder: Path) -> SourceFile | None:
    """`path` as an input file; None if the suffixes of its name are not those of a supported format."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = COMPRESSIONS.get(suffixes[-1], "none") if suffixes else "none"
    inner = suffixes[:-1] if compression != "none" else suffixes
    kind = FORMATS.get(inner[-1]) if inner else None
    if kind is None or (kind == "parquet" and compression != "none"):
        return None
    return SourceFile(path.resolve(), path.relative_to(folder).as_posix(), kind, compression)


def folder_columns(file: SourceFile) -> dict[str, str | None]:
    """Columns that the names of the folders of `file` give, as Hive and Spark write them: `year=2024/part.csv`.

    They have the same value in each row: text, or None for Hive's default partition.
    """
    pairs = (part.partition("=") for part in PurePosixPath(file.name).parent.parts)
    return {
        unquote(name): None if value == NO_VALUE else unquote(value) for name, found, value in pairs if found and name
    }


def find(source: str, file_name: str | None = None) -> tuple[list[SourceFile], list[str]]:
    """Find the input files of `source` (a file, a folder or a glob); returns them by name, and names of skipped files.

    Files of an unknown format and empty files (as Spark writes them) are skipped. Hidden files and files
    whose names start with an underscore (_SUCCESS) are ignored.

    Args:
        file_name: file name or glob below the folder `source`.

    Raises:
        UserError: `source` does not exist, or has no file of a supported format.
    """
    location = str(Path(source) / file_name) if file_name else source
    folder, paths = listed(location)
    files, skipped = [], []
    for path in sorted(paths):
        file = source_file(path, folder)
        if file is None or not path.stat().st_size:
            skipped.append(path.relative_to(folder).as_posix())
        else:
            files.append(file)
    if skipped and not files:
        raise UserError(
            f"input {location}: every file is empty or of an unknown format ({skipped[0]}); expected {EXPECTED}"
        )
    return files, skipped


def listed(location: str) -> tuple[Path, list[Path]]:
    """Every data file at `location`, and the folder to which their names are relative.

    Raises:
        UserError: `location` does not exist, or no file matches the glob.
    """
    path = Path(location)
    if path.is_file():
        return path.parent, [path]
    if path.is_dir():
        return path, data_files(path)
    if not glob.has_magic(location):
        raise UserError(f"input {location}: no such file or folder")
    anchor = Path(path.anchor)
    matches = list(anchor.glob(str(path.relative_to(anchor))))
    files = [file for match in matches for file in (data_files(match) if match.is_dir() else [match])]
    if not files:
        raise UserError(f"input {location}: no file matches")
    return Path(os.path.commonpath([file.parent for file in files])), list(dict.fromkeys(files))


def data_files(folder: Path) -> list[Path]:
    """The files below `folder` that are not hidden."""
    return [path for path in folder.rglob("*") if path.is_file() and not hidden(path.relative_to(folder).parts)]


def hidden(parts: Iterable[str]) -> bool:
    """Whether a file or one of its parent folders starts with a dot or an underscore."""
    return any(part.startswith((".", "_")) for part in parts)
