"""Folders with one text file a row, in a subfolder for each class, as the movie reviews of aclImdb."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from contract.encodings import UTF8

SUFFIX = ".txt"
LEAST_CLASSES = 2
# The columns that each row has.
COLUMNS = {"text": "VARCHAR", "label": "VARCHAR", "file": "VARCHAR"}


def text_folders(files: Iterable[Path]) -> list[Path]:
    """The folders that have two or more subfolders with text files alone, of the listed `files`; sorted.

    A folder with classes is no class of the folder above: text files beside its classes, as aclImdb has, are lists.
    """
    suffixes: dict[Path, set[str]] = {}
    for path in files:
        suffixes.setdefault(path.parent, set()).add(path.suffix.lower())
    classes: dict[Path, list[Path]] = {}
    for folder, kinds in suffixes.items():
        if kinds == {SUFFIX}:
            classes.setdefault(folder.parent, []).append(folder)
    found: set[Path] = set()
    for parent in sorted(classes, key=lambda folder: len(folder.parts), reverse=True):
        if sum(folder not in found for folder in classes[parent]) >= LEAST_CLASSES:
            found.add(parent)
    return sorted(found)


def is_text_of(path: Path, folders: Collection[Path]) -> bool:
    """Whether `path` is a row of one of the `folders` that `text_folders` found."""
    return path.suffix.lower() == SUFFIX and path.parent.parent in folders


def is_beside_texts(path: Path, folders: Collection[Path]) -> bool:
    """Whether `path` is a text file beside the classes of one of the `folders`: no row, and no file of rows."""
    return path.suffix.lower() == SUFFIX and path.parent in folders


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
