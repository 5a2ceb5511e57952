"""Lists the files at --input: a file, those of a folder, or those that match a glob."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from contract.failures import UserError


def listed(source: str, file_name: str | None = None) -> tuple[Path, list[Path], list[Path]]:
    """The files at `source`: a file, a folder, of which hidden files are left out, or a glob.

    Args:
        file_name: file name or glob below the folder `source`, whose own name is no glob.

    Returns:
        The folder to which their names are relative; the files; and links that are no files: to folders, or broken.

    Raises:
        UserError: there is no such file or folder, no file matches the glob, or a name is not UTF-8.
    """
    path = Path(source, file_name or "")
    if path.is_file():
        found, folder = [path], path.parent
    elif path.is_dir():
        found, folder = list(data_files(path)), path
    else:
        found = matching(source, path)
        folder = Path(os.path.commonpath([file.parent for file in found]))
    for file in found:
        refuse_other_encoding(file)
    links = [file for file in found if file.is_symlink() and not file.is_file()]
    no_files = set(links)
    return folder, [file for file in found if file not in no_files], links


def matching(source: str, path: Path) -> list[Path]:
    """The files that match the glob `path`, and those in folders that do; raises UserError as `listed`."""
    anchor = Path(source) if Path(source).is_dir() else Path(path.anchor)
    pattern = str(path.relative_to(anchor)) if path.is_relative_to(anchor) else ""
    if not glob.has_magic(pattern):
        raise UserError(f"input {path}: no such file or folder")
    try:
        matches = list(anchor.glob(pattern))
    except ValueError:
        raise UserError(f"input {path} is no glob: expected ** as the whole name of a folder") from None
    if not any(map(is_hidden, Path(pattern).parts)):
        # A hidden file matches only a glob that names one, as in a folder.
        matches = [match for match in matches if not any(map(is_hidden, match.relative_to(anchor).parts))]
    files = (file for match in matches for file in (data_files(match) if match.is_dir() else [match]))
    found = list(dict.fromkeys(files))
    if not found:
        raise UserError(f"input {path}: no file matches")
    return found


def data_files(folder: Path) -> Iterator[Path]:
    """The files and links in `folder` and the folders below it that are not hidden."""
    # Path.rglob asks the system several times for each file.
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_hidden(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from data_files(Path(entry.path))
            elif entry.is_file() or entry.is_symlink():
                yield Path(entry.path)


def resolved(path: Path) -> Path:
    """The absolute path of a file, without links."""
    return path.resolve() if path.is_symlink() else resolved_folder(path.parent.absolute()) / path.name


@lru_cache(maxsize=64)
def resolved_folder(folder: Path) -> Path:
    """An absolute path without links: most files lie in the same folders, and each folder of a path is asked for."""
    return folder.resolve()


def is_hidden(name: str) -> bool:
    """Whether a file or folder starts with a dot or an underscore."""
    return name.startswith((".", "_"))


def refuse_other_encoding(path: Path) -> None:
    """Raises UserError: the name of a file is not UTF-8, which DuckDB and the report need."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        name = os.fsencode(path.name).decode(errors="replace")
        raise UserError(f"input file {name} has a name that is not UTF-8; expected another name") from None
