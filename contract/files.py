"""Atomic files and folders: written under a temporary name and renamed; JSON, SHA-256, staging.

SageMaker mounts output folders, and a mount point cannot be renamed over. So a folder's files
are staged in a hidden folder inside it and moved out one by one, the marker last: a reader that
asks for the marker never sees half a folder.
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


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 beside `path`, then rename it there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}{STAGING}")
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with a last newline, complete or not at all.

    A number that is not finite becomes null: JSON (RFC 8259) has no NaN and no infinity.
    """
    write_text(path, json.dumps(finite(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def finite(value: Any) -> Any:
    """`value`, of dictionaries, lists and plain values, with None for each float that is NaN or infinite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: finite(each) for name, each in value.items()}
    return [finite(each) for each in value] if isinstance(value, list | tuple) else value


def read_json(path: Path, what: str) -> Any:
    """The JSON value in `path`.

    Raises:
        UserError: there is no such file, or it is not JSON; names `what` it was meant to be.
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
    """Empty `folder` for a new result, the marker first, so that no moment looks finished.

    The staging folder goes last: where this is cut off, what is left still counts as ours.

    Raises:
        UserError: it holds files but no marker and no staging folder, so they are not ours.
    """
    entries = list(folder.iterdir()) if folder.is_dir() else []
    names = {entry.name for entry in entries}
    if not names:
        return
    if not names & {marker, STAGING}:
        raise UserError(
            f"output folder {folder} holds files of another origin ({sorted(names)[0]}); expected an empty folder"
        )
    (folder / STAGING).mkdir(exist_ok=True)
    others = [entry for entry in entries if entry.name != STAGING]
    for entry in sorted(others, key=lambda entry: entry.name != marker):
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    shutil.rmtree(folder / STAGING)


@contextmanager
def staged(folder: Path, marker: str) -> Iterator[Path]:
    """Yield a staging folder inside `folder`; on success move its entries out, `marker` last.

    On an exception all is removed, and `folder` is empty.
    A killed process leaves the staging folder, which no reader takes for a result.
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
    """Let everyone read what lies below `folder`.

    safetensors writes weights for their owner alone; the next job, or the user of a mounted
    folder, is often somebody else.
    """
    for path in folder.rglob("*"):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


def marker_last(entries: Iterable[Path], marker: str) -> list[Path]:
    return sorted(entries, key=lambda entry: (entry.name == marker, entry.name))
