"""Lists the files at --input: a file, those of a folder, or those that match a glob."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from posixpath import join
from typing import NamedTuple

from contract.failures import UserError


class Listed(NamedTuple):
    """A file or a link.

    Attributes:
        name: its path relative to the input folder, in POSIX form.
        is_link: whether it is a link.
        is_file: whether it is a file, or a link to one, rather than a link to a folder or a broken one.
    """

    name: str
    is_link: bool
    is_file: bool


def listed(source: str, file_name: str | None = None) -> tuple[Path, list[Listed]]:
    """The files and links at `source`: a file, a folder, of which hidden files are left out, or a glob.

    Args:
        file_name: file name or glob below the folder `source`, whose own name is no glob.

    Returns:
        The input folder, to which names are relative; and what is listed.

    Raises:
        UserError: there is no such file or folder, no file matches the glob, or a name is not UTF-8.
    """
    path = Path(source, file_name or "")
    if path.is_file():
        folder, found = path.parent, [Listed(path.name, path.is_symlink(), True)]
    elif path.is_dir():
        folder, found = path, list(data_files(path))
    else:
        paths = matching(source, path)
        folder = Path(os.path.commonpath([file.parent for file in paths]))
        found = [Listed(file.relative_to(folder).as_posix(), file.is_symlink(), file.is_file()) for file in paths]
    for name in (str(folder), *(file.name for file in found)):
        refuse_other_encoding(name)
    return folder, found


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
    files = (file for match in matches for file in (paths_in(match) if match.is_dir() else [match]))
    found = list(dict.fromkeys(files))
    if not found:
        raise UserError(f"input {path}: no file matches")
    return found


def paths_in(folder: Path) -> Iterator[Path]:
    """The paths of `data_files`."""
    return (folder / file.name for file in data_files(folder))


def data_files(folder: str | Path, before: str = "") -> Iterator[Listed]:
    """The files and links in `folder` and the folders below it that are not hidden.

    Args:
        before: what their names begin with.
    """
    # Path.rglob asks the system several times for each file.
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_hidden(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from data_files(entry.path, f"{before}{entry.name}/")
            elif (is_file := leads_to_file(entry)) or entry.is_symlink():
                yield Listed(before + entry.name, entry.is_symlink(), is_file)


def leads_to_file(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a folder is a file, or a link to one; false for a link to itself, which raises OSError."""
    try:
        return entry.is_file()
    except OSError:
        return False


def resolved(folder: str, file: Listed) -> Path:
    """The path, without links, of a file that is listed in `folder`, which is absolute."""
    parent, _, name = file.name.rpartition("/")
    place = resolved_folder(join(folder, parent))
    return Path(place, name).resolve() if file.is_link else Path(place, name)


@lru_cache(maxsize=64)
def resolved_folder(folder: str) -> str:
    """An absolute path without links: most files lie in the same folders, and each folder of a path is asked for."""
    return os.path.realpath(folder)


def is_hidden(name: str) -> bool:
    """Whether a file or folder starts with a dot or an underscore."""
    return name.startswith((".", "_"))


def refuse_other_encoding(name: str) -> None:
    """Raises UserError: the name of a file is not UTF-8, which DuckDB and the report need."""
    try:
        name.encode()
    except UnicodeEncodeError:
        own = os.fsencode(Path(name).name).decode(errors="replace")
        raise UserError(f"input file {own} has a name that is not UTF-8; expected another name") from None
