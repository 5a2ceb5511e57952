"""The input files: found by folder, file or glob, with format (csv, tsv, jsonl, parquet) and compression."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

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
EXPECTED = "csv, tsv, jsonl or parquet, the first three also as .gz or .zst"


@dataclass(frozen=True)
class SourceFile:
    """One input file.

    Attributes:
        path: where it lies, absolute.
        name: how messages and reports call it: its path below the input folder.
        format: csv, tsv, jsonl or parquet.
        compression: none, gzip or zstd.
    """

    path: Path
    name: str
    format: str
    compression: str = "none"


def source_file(path: Path, folder: Path) -> SourceFile | None:
    """`path` as an input file; None where its name says no format that we read."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = COMPRESSIONS.get(suffixes[-1], "none") if suffixes else "none"
    inner = suffixes[:-1] if compression != "none" else suffixes
    kind = FORMATS.get(inner[-1]) if inner else None
    if kind is None or (kind == "parquet" and compression != "none"):
        return None
    return SourceFile(path.resolve(), path.relative_to(folder).as_posix(), kind, compression)


def find(place: str, file_name: str | None = None) -> tuple[list[SourceFile], list[str]]:
    """The input files of `place` (a file, a folder or a glob), by name, and the names of skipped files.

    Passed over are files of another format and, as Spark writes them, files without a byte.
    Hidden files and those whose name starts with an underscore (_SUCCESS) are no data.

    Raises:
        UserError: there is no such place, or no file in it that we read.
    """
    where = str(Path(place) / file_name) if file_name else place
    folder, paths = listed(where)
    files, passed_over = [], []
    for path in sorted(paths):
        file = source_file(path, folder)
        if file is None or not path.stat().st_size:
            passed_over.append(path.relative_to(folder).as_posix())
        else:
            files.append(file)
    if passed_over and not files:
        raise UserError(
            f"input {where}: no file of a known format that holds anything ({passed_over[0]}); expected {EXPECTED}"
        )
    return files, passed_over


def listed(where: str) -> tuple[Path, list[Path]]:
    """The folder that names are told from, and every data file at `where`."""
    path = Path(where)
    if path.is_file():
        return path.parent, [path]
    if path.is_dir():
        return path, data_files(path)
    if not glob.has_magic(where):
        raise UserError(f"input {where}: no such file or folder")
    anchor = Path(path.anchor)
    found = list(anchor.glob(str(path.relative_to(anchor))))
    files = [file for name in found for file in (data_files(name) if name.is_dir() else [name])]
    if not files:
        raise UserError(f"input {where}: no file matches")
    return Path(os.path.commonpath([file.parent for file in files])), list(dict.fromkeys(files))


def data_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not hidden(path.relative_to(folder).parts)]


def hidden(parts: Iterable[str]) -> bool:
    return any(part.startswith((".", "_")) for part in parts)
