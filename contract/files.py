"""Atomic writes: files and folders are written under a temporary name and renamed; JSON, SHA-256, staging.

SageMaker mounts output folders, and a mount point cannot be replaced by a rename. So a folder's files
are written to a hidden staging folder inside it and moved out one by one, the marker file last: a
reader that requires the marker never reads an incomplete folder.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from contract.failures import UserError

STAGING = ".incomplete"
LONG_LIST = 100


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to a temporary file in the same folder, then rename it to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}{STAGING}")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write `value` atomically as indented JSON, as `as_json` does.

    NaN and infinite numbers become null: JSON (RFC 8259) has neither.
    """
    try:
        text = as_json(value)
    except (ValueError, TypeError):
        # Only now, and where there are other mappings than dictionaries: to look at each value takes as long as to
        # encode it.
        text = as_json(finite(value))
    write_text(path, text + "\n")


def as_json(value: Any) -> str:
    """Indented JSON of `value`. In an object, each item of a list of at least LONG_LIST is on a line of its own.

    json indents in Python, which takes ten times as long as to encode: of a report on thousands of files, seconds.
    """

    def encoded(item: Any, indent: int | None = 2) -> str:
        return json.dumps(item, indent=indent, ensure_ascii=False, allow_nan=False)

    def member(item: Any) -> str:
        if isinstance(item, list) and len(item) >= LONG_LIST:
            lines = ",\n    ".join(encoded(each, indent=None) for each in item)
            return f"[\n    {lines}\n  ]"
        return encoded(item).replace("\n", "\n  ")

    if not (isinstance(value, dict) and value and all(isinstance(name, str) for name in value)):
        return encoded(value)
    members = ",\n  ".join(f"{encoded(name)}: {member(item)}" for name, item in value.items())
    return f"{{\n  {members}\n}}"


def finite(value: Any) -> Any:
    """A copy of `value` (of dictionaries, lists and scalars) with None for each float that is NaN or infinite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: finite(item) for name, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value


def read_json(path: Path, what: str) -> Any:
    """Read the JSON file `path`.

    Args:
        what: kind of the file, for the error, such as "card".

    Raises:
        UserError: the file cannot be read or is not JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{what} {path} cannot be read: {os.strerror(error.errno or 0)}") from None
    except ValueError as error:
        raise UserError(f"{what} {path} is not JSON: {error}") from None


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of the bytes of `path`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def clear(folder: Path, marker: str) -> None:
    """Delete an earlier job's output in `folder`, the marker first, so that it never looks complete.

    The staging folder is deleted last: if the process is killed, the next call recognizes the rest by it.

    Raises:
        UserError: the folder has files but neither the marker nor a staging folder, so no earlier job wrote them.
    """
    entries = list(folder.iterdir()) if folder.is_dir() else []
    names = {entry.name for entry in entries}
    if not names:
        return
    if not names & {marker, STAGING}:
        raise UserError(
            f"output folder {folder} has files that no earlier job wrote ({sorted(names)[0]}); expected an empty folder"
        )
    (folder / STAGING).mkdir(exist_ok=True)
    others = [entry for entry in entries if entry.name != STAGING]
    for entry in sorted(others, key=lambda entry: entry.name != marker):
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    shutil.rmtree(folder / STAGING)


@contextmanager
def staged(folder: Path, marker: str) -> Iterator[Path]:
    """Yield a staging folder inside `folder`; on success move its entries to `folder`, `marker` last.

    On an exception all is removed, and `folder` is empty. A process that is killed leaves the staging
    folder, which readers ignore.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clear(folder, marker)
    staging = folder / STAGING
    staging.mkdir()
    try:
        yield staging
        publish(staging, folder, marker)
    except BaseException:
        with suppress(OSError):
            clear(folder, marker)
        raise
    shutil.rmtree(staging, ignore_errors=True)


def publish(staging: Path, folder: Path, marker: str) -> None:
    """Move every entry of `staging` into `folder`, `marker` last."""
    share(staging)
    for entry in marker_last(staging.iterdir(), marker):
        entry.replace(folder / entry.name)


def share(folder: Path) -> None:
    """Make everything below `folder` readable for all users.

    safetensors writes files that only their owner can read, but the next job, or the owner of a mounted
    folder, is often another user.
    """
    for path in folder.rglob("*"):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


def marker_last(entries: Iterable[Path], marker: str) -> list[Path]:
    """`entries` sorted by name, the one with the name `marker` last."""
    return sorted(entries, key=lambda entry: (entry.name == marker, entry.name))
