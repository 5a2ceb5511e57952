"""Folders with one text file a row, in a subfolder for each class, as the movie reviews of aclImdb."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath
from posixpath import dirname, splitext

from contract.encodings import UTF8

SUFFIX = ".txt"
LEAST_CLASSES = 2
# The columns that each row has.
COLUMNS = {"text": "VARCHAR", "label": "VARCHAR", "file": "VARCHAR"}


def text_folders(names: Iterable[str]) -> list[str]:
    """The folders that have two or more subfolders with text files alone, by the `names` of files; sorted.

    A folder with classes is no class of the folder above: text files beside its classes, as aclImdb has, are lists.

    Args:
        names: relative to the input folder, in POSIX form. It has the name "".
    """
    suffixes: dict[str, set[str]] = {}
    for name in names:
        folder, _, own = name.rpartition("/")
        suffixes.setdefault(folder, set()).add(splitext(own)[1].lower())
    classes: dict[str, list[str]] = {}
    for folder, kinds in suffixes.items():
        if folder and kinds == {SUFFIX}:
            classes.setdefault(dirname(folder), []).append(folder)
    found: set[str] = set()
    for parent in sorted(classes, key=lambda folder: len(PurePosixPath(folder).parts), reverse=True):
        if sum(folder not in found for folder in classes[parent]) >= LEAST_CLASSES:
            found.add(parent)
    return sorted(found)


def is_text_of(name: str, folders: Collection[str]) -> bool:
    """Whether the file `name` is a row of one of the `folders` that `text_folders` found."""
    parent = dirname(name)
    return name.lower().endswith(SUFFIX) and parent != "" and dirname(parent) in folders


def is_beside_texts(name: str, folders: Collection[str]) -> bool:
    """Whether `name` is a text file beside the classes of one of the `folders`: no row, and no file of rows."""
    return name.lower().endswith(SUFFIX) and dirname(name) in folders


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
