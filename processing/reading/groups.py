"""Groups small files with the same layout and columns, so that one scan of the database reads them all.

A scan costs some milliseconds, more than the rows of a small file do. In the content of a group a record with a mark
ends each file, by which rows are numbered; the rows of every file are counted for themselves.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from threading import Event

import duckdb
import pyarrow as pa

from contract.failures import UserError
from processing.across_rows.first_texts import FirstTexts
from processing.batches import pieces
from processing.options import ProcessingOptions
from processing.reading.alike_files import find_layouts
from processing.reading.arrow_files import needs_pyarrow
from processing.reading.columns import ChosenColumns, choose
from processing.reading.layout import layout
from processing.reading.layouts_ahead import LayoutsAhead
from processing.reading.query import FOLDER, Plan
from processing.reading.reader import FileReader
from processing.reading.scan import NULLS, NULLS_OF, NUMBER, PARQUET_NUMBER
from processing.reading.schema import describe
from processing.reading.source import SMALL_BYTES, TEXTS, SourceFile, folder_columns
from processing.rows.conditions import conditions, used_columns
from processing.rows.given_splits import by_name

# Most files of the first group: the database waits until their layouts are found. Each group may have three times as
# many as the one before, since the database starts anew for each.
FIRST_FILES = 256
# Most bytes and files of a group. A file of more than SMALL_BYTES is read for itself, text in parallel.
MOST_BYTES, MOST_FILES = 256 * 1024 * 1024, 2000

Columns = Mapping[str, str]


def readers(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    files: Sequence[SourceFile],
    texts: FirstTexts | None = None,
    ahead: LayoutsAhead | None = None,
) -> Iterator[FileReader]:
    """Create a reader for each file, or group of small files.

    Args:
        texts: of FileReader.
        ahead: finds the layouts of the next group, while the database reads one.

    Raises:
        UserError: a file lacks a column that the job reads.
    """
    find_layouts(small_texts(files[:FIRST_FILES]))
    number = 0
    for file, columns in grouped(described(connection, plan, files), plan.options):
        start, number = number, number + len(file.members)
        # Not in a thread of this generator's own: if it is left unfinished, it ends in whichever thread collects
        # garbage, and must not wait there.
        if ahead is not None:
            ahead.start(small_texts(files[number : number + most_following(len(file.members))]))
        yield FileReader(connection, plan, file, columns, start, texts=texts)
        if ahead is not None:
            ahead.wait()


def described(
    connection: duckdb.DuckDBPyConnection, plan: Plan, files: Sequence[SourceFile]
) -> Iterator[tuple[SourceFile, Columns]]:
    """Each of `files`, with name and SQL type of its columns; raises UserError as `readers`."""
    named = replace(plan.options, text_column=plan.chosen.text, label_column=plan.chosen.label)

    @cache
    def kind_elsewhere(column: str) -> str:
        return kind_of_values(column, ((file, describe(connection, file)) for file in files))

    checked: tuple[str, Columns] | None = None
    for file in files:
        columns = describe(connection, file)
        # Most files have the columns of the one before.
        if checked != (file.format, columns):
            refuse_other_lists(plan.chosen, choose(named, file, columns), file)
            checked = file.format, columns
        empty = [name for name in plan.chosen.kept if columns[name] == NULLS]
        yield file, columns | {name: NULLS_OF + kind_elsewhere(name) for name in empty} if empty else columns


def most_following(files: int) -> int:
    """Most files of a group that follows one of `files`: as many as have their layouts found while that one is read."""
    return min(3 * files, MOST_FILES)


def small_texts(files: Iterable[SourceFile]) -> Iterator[SourceFile]:
    """The small text files that `files` begin with, as many as one group may have."""
    size = 0
    for file in files:
        size += file.size
        if not file.is_small_text or size > MOST_BYTES:
            return
        yield file


def all_batches(
    readers: Iterable[FileReader], is_open: Event
) -> Generator[tuple[FileReader, pa.RecordBatch | None], None, None]:
    """The batches of each reader, and None after its last.

    Args:
        is_open: is set once the first file is opened, or cannot be.

    Raises:
        UserError: as `readers` and FileReader.batches.
    """
    try:
        for reader in readers:
            with reader.opened() as source:
                is_open.set()
                for batch in pieces(reader.batches(source)):
                    yield reader, batch
            yield reader, None
    finally:
        is_open.set()


def kind_of_values(column: str, described: Iterable[tuple[SourceFile, Columns]]) -> str:
    """The SQL type that values of `column` have when they are kept, by the first file that has any; else text."""
    for file, columns in described:
        kind = columns.get(column, NULLS)
        if kind != NULLS:
            return kind if file.is_typed and kind != FOLDER else "VARCHAR"
    return "VARCHAR"


def refuse_other_lists(chosen: ChosenColumns, own: ChosenColumns, file: SourceFile) -> None:
    """Raises UserError: the label column has lists in `file` alone, or in all files but this one.

    In a JSON file each value is told apart, since its type is that of its first rows.
    """
    if own.has_lists != chosen.has_lists and (own.has_lists or file.format != "jsonl"):
        raise UserError(
            f"input file {file.name} has {'lists' if own.has_lists else 'no lists'} in column {chosen.label} "
            f"(--label-column), and the first file {'has none' if own.has_lists else 'has lists'}; expected lists in "
            "all files or in none"
        )


def grouped(
    described: Iterable[tuple[SourceFile, Columns]], options: ProcessingOptions
) -> Iterator[tuple[SourceFile, Columns]]:
    """Join neighbours among files that one scan can read; yields the first file of each group with the others in it.

    Args:
        described: files with name and SQL type of each column, in the order in which they are to be read.
    """
    group: list[SourceFile] = []
    size, key, most = 0, None, min(FIRST_FILES, MOST_FILES)
    kept: Columns = {}
    for file, columns in described:
        own, own_size = group_key(file, columns, options), file.size
        if group and (own is None or own != key or len(group) == most or size + own_size > MOST_BYTES):
            yield joined(group), kept
            group, size, most = [], 0, most_following(most)
        if not group:
            key, kept = own, columns
        group.append(file)
        size += own_size
    if group:
        yield joined(group), kept


def joined(group: list[SourceFile]) -> SourceFile:
    """The first file of a group, with the others in it."""
    return replace(group[0], others=tuple(group[1:]))


def group_key(file: SourceFile, columns: Columns, options: ProcessingOptions) -> Hashable:
    """What files of a group have in common; None for a file that is read for itself."""
    if file.size > SMALL_BYTES or file.compression == TEXTS or file.format == "arrow":
        return None
    folders = folder_columns(file)
    common = (file.format, tuple(folders.items()), by_name(file.name))
    if file.format in ("csv", "tsv"):
        # Its columns follow from these, which costs less for each of many files than to compare the columns.
        found = layout(file)
        own = (found.names, found.dialect.delimiter, found.dialect.quote)
        return (*common, own) if can_be_grouped(*own) and NUMBER not in map(str.lower, folders) else None
    of_folders = tuple(name for name, kind in columns.items() if kind == FOLDER)
    if file.format == "jsonl":
        return (*common, of_folders, read_by_sql(columns, options))
    if PARQUET_NUMBER in {name.lower() for name in columns} or needs_pyarrow(file):
        return None
    return (*common, of_folders, tuple(columns.items()))


@lru_cache
def can_be_grouped(names: tuple[str, ...], delimiter: str, quote: str) -> bool:
    """Whether a mark can end csv or tsv files with these columns."""
    # A single value may be blank, and a mark has letters, digits and underscores.
    has_other_marks = not any(mark.isalnum() or mark == "_" for mark in delimiter + quote)
    return len(names) > 1 and NUMBER not in map(str.lower, names) and has_other_marks


def read_by_sql(columns: Columns, options: ProcessingOptions) -> Hashable:
    """The keys of JSON objects that the user's SQL reads; other keys may differ between the files of a group."""
    used = [used_columns(sql) for sql in conditions(options).values()]
    if None in used:
        return tuple(columns.items())
    names = frozenset().union(*(each for each in used if each))
    return tuple((name, kind) for name, kind in columns.items() if name.lower() in names)
