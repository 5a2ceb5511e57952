"""Finds the input files by folder, file or glob; format and compression by file name; files to skip."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from contract import decompression
from contract.dialect import TextSettings
from contract.failures import UserError
from processing.reading.decompression import is_empty, member_suffixes
from processing.reading.input_paths import Listed, listed, resolved
from processing.reading.shares import Share
from processing.reading.text_folder import is_beside_texts, is_text_of, members, text_folders

FORMATS = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".manifest": "jsonl",
}
# Name of the "compression" of a folder of text files.
TEXTS = "texts"
COMPRESSIONS = {**decompression.COMPRESSIONS, ".zip": "zip"}
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
EXPECTED = "csv, tsv, txt, json, jsonl (each also as .gz, .zst, .bz2, .xz or .zip), parquet or arrow"
# A manifest of SageMaker: JSON Lines if it is augmented, else a list of files in S3.
MANIFEST = ".manifest"
# Names of files that describe data sets and lie beside them.
DESCRIPTIONS = {
    *("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "schema.json", "metadata.json"),
    *("config.json", "license.txt", "requirements.txt", "vocab.txt", "dataset-metadata.json", "croissant.json"),
}
# Suffixes of files that hold text, but no rows.
DOCUMENTS = (".pdf", ".docx", ".doc", ".xlsx", ".xls", ".html", ".xml", ".md", ".py", ".ipynb", ".bin", ".pt", ".npy")
# What DuckDB takes for a pattern; it has no escape for all of these.
PATTERN = re.compile(r"[*?\[\\]")
# Largest file, as it is stored, that may be read with others.
SMALL_BYTES = 1024 * 1024
# Suffixes of binary formats: their files are not compressed as a whole.
BINARY = ("parquet", "arrow")


@dataclass(frozen=True)
class SourceFile:
    """One input file.

    Attributes:
        path: absolute path.
        name: name in logs and reports: its path relative to the input folder.
        format: csv, tsv, jsonl, parquet or arrow; json and txt are read as jsonl and csv.
        compression: none, gzip, zstd, bz2, xz or zip; "texts" for a folder of text files in a folder for each class.
        settings: what the options say about text files.
        pipe: where DuckDB reads the content of a text file that it cannot read itself.
        view: name of the view of a file that pyarrow reads.
        mark: the first value of the record that ends each file of a group in the pipe.
        others: files that are read in the same scan, after this one.
        share: which of its rows this host reads; by default all.
    """

    path: Path
    name: str
    format: str
    compression: str = "none"
    settings: TextSettings = field(default_factory=TextSettings)
    pipe: Path | None = field(default=None, compare=False)
    view: str | None = field(default=None, compare=False)
    mark: str | None = field(default=None, compare=False)
    others: tuple[SourceFile, ...] = field(default=(), compare=False)
    share: Share = field(default=Share(), compare=False)

    def __hash__(self) -> int:
        """That of its name, since it is the key of layouts that are asked for several times."""
        return hash(self.name)

    @cached_property
    def size(self) -> int:
        """Bytes as stored; the same on every host that has the file, as that of a folder itself is not."""
        paths = members(self.path) if self.compression == TEXTS else [self.path]
        return sum(path.stat().st_size for path in paths)

    @property
    def has_pattern(self) -> bool:
        """Whether DuckDB would take the path for a pattern, and read other files: `x[1].csv` names x1.csv."""
        return PATTERN.search(str(self.path)) is not None

    @property
    def is_typed(self) -> bool:
        """Whether the file states the types of its columns; else every value is text."""
        return self.format in BINARY

    @property
    def is_small_text(self) -> bool:
        """Whether it is a text file of up to SMALL_BYTES, which DuckDB reads through a pipe, and need not know.

        It takes longer over a list of thousands of paths that it may read than over such files.
        """
        return not self.is_typed and self.size <= SMALL_BYTES

    @property
    def says_lines(self) -> bool:
        """Whether the suffix of the name is that of JSON Lines."""
        return not {".jsonl", ".ndjson", MANIFEST}.isdisjoint(suffixes_of(self.name))

    @property
    def members(self) -> tuple[SourceFile, ...]:
        """All files of the scan."""
        return (replace(self, others=()), *self.others) if self.others else (self,)

    @property
    def title(self) -> str:
        """What errors call it: its name, and how many files may be meant instead."""
        return f"{self.name} or one of the next {len(self.others)}" if self.others else self.name


def source_file(
    listed: Listed, folder: str, settings: TextSettings | None = None, is_chosen: bool = False
) -> SourceFile | None:
    """The input file that is `listed` in `folder`, an absolute path; None if its suffixes are not those of a format.

    Args:
        is_chosen: whether --input names this file itself: then one without a suffix of a format is read as text.
    """
    path = resolved(folder, listed)
    # Those of a link: what it leads to may have none, as in the cache of the Hugging Face Hub.
    suffixes = suffixes_of(listed.name)
    compression = COMPRESSIONS.get(suffixes[-1], "none") if suffixes else "none"
    inner = suffixes[:-1] if compression != "none" else suffixes
    if compression == "zip" and not (inner and inner[-1] in FORMATS):
        inner = member_suffixes(path)
    kind = FORMATS.get(inner[-1]) if inner else None
    if kind is None and is_chosen and not (inner and inner[-1] in DOCUMENTS):
        kind = "csv"
    if kind is None or (kind in BINARY and compression != "none"):
        return None
    if suffixes[-1:] == [MANIFEST] and not is_augmented(path):
        return None
    return SourceFile(path, listed.name, kind, compression, settings or TextSettings())


def suffixes_of(name: str) -> list[str]:
    """The suffixes of a file's name in lower case, as PurePath.suffixes, which takes several times as long."""
    own = name.rpartition("/")[2].lower()
    return [] if own.endswith(".") else [f".{suffix}" for suffix in own.lstrip(".").split(".")[1:]]


def is_augmented(path: Path) -> bool:
    """Whether a manifest holds rows, as JSON Lines: an augmented one. Another one lists the names of files in S3."""
    with path.open("rb") as file:
        return file.read(1024).lstrip().startswith(b"{")


def folder_columns(file: SourceFile) -> dict[str, str | None]:
    """Columns that the names of the folders of `file` give, as Hive and Spark write them: `year=2024/part.csv`.

    They have the same value in each row: text, or None for Hive's default partition.
    """
    if "=" not in file.name:
        return {}
    pairs = (part.partition("=") for part in PurePosixPath(file.name).parent.parts)
    return {
        unquote(name): None if value == NO_VALUE else unquote(value) for name, found, value in pairs if found and name
    }


def find(
    source: str, file_name: str | None = None, settings: TextSettings | None = None
) -> tuple[list[SourceFile], list[str]]:
    """Find the input files of `source` (a file, a folder or a glob); returns them by name, and names of skipped files.

    Skipped are files of an unknown format, empty ones (as Spark writes them), those that describe data sets, text
    files beside folders with a text file a row, and links to folders, which may lead in circles.
    Hidden files and files whose names start with an underscore (_SUCCESS) are ignored.

    Args:
        file_name: file name or glob below the folder `source`.
        settings: what the options say about text files.

    Raises:
        UserError: `source` does not exist, or has no file of a supported format.
    """
    location = str(Path(source) / file_name) if file_name else source
    listed_in, found = listed(source, file_name)
    folder = listed_in.absolute()
    is_chosen, settings = Path(location).is_file(), settings or TextSettings()
    texts = text_folders(file.name for file in found if file.is_file)
    files = [SourceFile((folder / name).resolve(), name or folder.name, "jsonl", TEXTS, settings) for name in texts]
    skipped: list[str] = []
    for each in found:
        if texts and each.is_file and is_text_of(each.name, texts):
            continue
        file = source_file(each, str(folder), settings, is_chosen) if each.is_file else None
        is_other = not is_chosen and (is_description(each.name, folder) or is_beside_texts(each.name, texts))
        if file is None or is_empty(file) or is_other:
            skipped.append(each.name)
        else:
            files.append(file)
    skipped.sort(key=parts)
    if skipped and not files:
        raise UserError(
            f"input {location}: every file is empty or of an unknown format ({skipped[0]}); expected {EXPECTED}"
        )
    # Not by their paths, which links lead elsewhere: hosts number files by their names.
    return sorted(files, key=lambda file: parts(file.name)), skipped


def parts(name: str) -> list[str]:
    """The folders and the file of a name, by which files are sorted."""
    return name.split("/")


def is_description(name: str, folder: Path) -> bool:
    """Whether a file describes a data set rather than being part of it, by its name and by what lies beside it.

    An arrow file beside state.json, which save_to_disk writes, is data if that names it.
    """
    own = name.rpartition("/")[2]
    lower = own.lower()
    if lower in DESCRIPTIONS or lower.startswith("readme"):
        return True
    if not lower.endswith(".arrow") or not (state := (folder / name).parent / "state.json").is_file():
        return False
    try:
        return own not in {data["filename"] for data in json.loads(state.read_bytes())["_data_files"]}
    except (ValueError, KeyError, TypeError):
        return False
