"""Folders with one text file a row, in a subfolder for each class, as the movie reviews of aclImdb."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from contract.encodings import UTF8

SUFFIX = ".txt"
LEAST_CLASSES = 2
# The columns that each row has.
COLUMNS = {"text": "VARCHAR", "label": "VARCHAR", "file": "VARCHAR"}


def text_folders(files: Iterable[Path]) -> list[Path]:
    """The folders that have two or more subfolders with text files alone, of the listed `files`; sorted."""
    suffixes: dict[Path, set[str]] = {}
    for path in files:
        suffixes.setdefault(path.parent, set()).add(path.suffix.lower())
    classes = [folder for folder, kinds in suffixes.items() if kinds == {SUFFIX}]
    parents = [folder.parent for folder in classes]
    return sorted({parent for parent in parents if parents.count(parent) >= LEAST_CLASSES})


def members(folder: Path) -> list[Path]:
    """The text files of a folder's classes, in order of class and name."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "_")))
    return [
        file
        for path in classes
        for file in sorted(path.iterdir())
        if file.suffix.lower() == SUFFIX and file.is_file() and not file.name.startswith((".", "_"))
    ]


def documents(folder: Path) -> Iterator[bytes]:
    """One line of JSON for each text file: its text, its class as label, its name; invalid bytes stay as they are."""
    for path in members(folder):
        text = path.read_bytes().decode("utf-8-sig", errors="surrogateescape")
        row = {"text": text, "label": path.parent.name, "file": f"{path.parent.name}/{path.name}"}
        yield json.dumps(row, ensure_ascii=False).encode(UTF8, "surrogateescape") + b"\n"
