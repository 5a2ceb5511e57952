"""Reads Arrow files (as save_to_disk writes) and parquet files with long texts by pyarrow; names of ClassLabels."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from contract import arrow_stream
from contract.failures import UserError
from processing.reading.source import SourceFile

if TYPE_CHECKING:
    import pyarrow.parquet as pq

# What is wrong with a file that pyarrow cannot read; its messages can hold values.
UNREADABLE = (pa.ArrowException, OSError)
# DuckDB holds 2,048 rows of a parquet file at once, each several times. Beyond this many bytes pyarrow reads fewer.
DATABASE_ROWS, MOST_BYTES = 2048, 64 * 1024 * 1024
BATCH_BYTES = 16 * 1024 * 1024
# Name of the view with which a type is tried.
TRIED = "hf_tried"

log = logging.getLogger(__name__)


def reader(file: SourceFile) -> pa.RecordBatchReader:
    """The rows of an arrow or parquet file in batches of about BATCH_BYTES.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        if file.format == "parquet":
            parquet = parquet_file(file)
            batches = parquet.iter_batches(batch_size=batch_rows(parquet.metadata))
            return pa.RecordBatchReader.from_batches(parquet.schema_arrow, batches)
        source = pa.memory_map(str(file.path))
        if arrow_stream.is_file_format(file.path):
            opened = pa.ipc.open_file(source)
            batches = (opened.get_batch(number) for number in range(opened.num_record_batches))
            return pa.RecordBatchReader.from_batches(opened.schema, batches)
        arrow_stream.refuse_part(file.path, file.name)
        return pa.ipc.open_stream(source)
    except UNREADABLE:
        raise unreadable(file) from None


def readable(rows: pa.RecordBatchReader, connection: duckdb.DuckDBPyConnection, file: SourceFile) -> Any:
    """`rows` in types that DuckDB can read: half floats as floats, and without other columns, which are logged."""
    halves = [field.with_type(pa.float32()) if pa.types.is_float16(field.type) else field for field in rows.schema]
    kept = [field for field in halves if can_read(connection, field)]
    if kept == list(rows.schema):
        return rows
    schema, names = pa.schema(kept), [field.name for field in kept]
    left_out = [f"{field.name} ({field.type})" for field in halves if field not in kept]
    if left_out:
        log.warning(
            "input file %s: columns whose types cannot be read are left out: %s", file.name, ", ".join(left_out)
        )
    return pa.RecordBatchReader.from_batches(schema, (batch.select(names).cast(schema) for batch in rows))


def can_read(connection: duckdb.DuckDBPyConnection, field: pa.Field) -> bool:
    """Whether DuckDB can read a column of an Arrow type."""
    try:
        connection.register(TRIED, pa.RecordBatchReader.from_batches(pa.schema([field]), []))
        connection.unregister(TRIED)
    except duckdb.Error:
        return False
    return True


def unreadable(file: SourceFile) -> UserError:
    """The error for a file that is damaged, or not of its format."""
    return UserError(f"input file {file.name} cannot be read: it is damaged, or no {file.format} file")


def parquet_file(file: SourceFile) -> pq.ParquetFile:
    """A parquet file, opened; raises one of UNREADABLE."""
    # Imported late: it imports the file systems of clouds, and most inputs are of text.
    import pyarrow.parquet as pq

    return pq.ParquetFile(file.path)


def number_of_rows(file: SourceFile) -> int:
    """Number of rows of a parquet file, by its metadata; raises one of UNREADABLE."""
    with parquet_file(file) as parquet:
        return int(parquet.metadata.num_rows)


def batch_rows(metadata: pq.FileMetaData) -> int:
    """Number of rows of about BATCH_BYTES, from the largest rows of a parquet file."""
    return max(min(BATCH_BYTES // max(row_bytes(metadata), 1), DATABASE_ROWS), 1)


def row_bytes(metadata: pq.FileMetaData) -> int:
    """Bytes of a row of the row group with the largest rows, on average and uncompressed."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    return max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)


def needs_pyarrow(file: SourceFile) -> bool:
    """Whether pyarrow reads a parquet file, and passes its rows to DuckDB.

    That is one whose rows are so large that DuckDB would need more memory than its limit, or whose name DuckDB takes
    for a pattern.

    Raises:
        UserError: the file cannot be read.
    """
    if file.has_pattern:
        return True
    try:
        with parquet_file(file) as parquet:
            return row_bytes(parquet.metadata) * DATABASE_ROWS > MOST_BYTES
    except UNREADABLE:
        raise unreadable(file) from None


def schema_of(file: SourceFile) -> pa.Schema:
    """The schema of an arrow or parquet file, without a check of its rows; raises one of UNREADABLE."""
    if file.format == "parquet":
        with parquet_file(file) as parquet:
            return parquet.schema_arrow
    with pa.memory_map(str(file.path)) as source:
        open_rows = pa.ipc.open_file if arrow_stream.is_file_format(file.path) else pa.ipc.open_stream
        return open_rows(source).schema


def column_names(file: SourceFile) -> list[str]:
    """The names of the columns of an arrow or parquet file, in their order.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        found = schema_of(file)
    except UNREADABLE:
        raise unreadable(file) from None
    return found.names


def class_names(files: Sequence[SourceFile], column: str | None) -> tuple[str, ...] | None:
    """The names of the classes of a ClassLabel `column`; None if a file has none.

    Raises:
        UserError: files have different names.
    """
    if column is None:
        return None
    found: dict[tuple[str, ...] | None, str] = {}
    for file in files:
        found.setdefault(class_names_of(file, column), file.name)
        if None in found:
            return None
    if len(found) > 1:
        first, second, *_ = found.values()
        raise UserError(
            f"input files {first} and {second} have different names of classes in column {column}, expected the same, "
            "or option --label-names"
        )
    return next(iter(found), None)


def class_names_of(file: SourceFile, column: str) -> tuple[str, ...] | None:
    """The names of the classes of a ClassLabel `column`, which the datasets library writes into the schema of a file.

    Without them in the file, those of dataset_infos.json of the repository on the Hugging Face Hub that it is part of.
    """
    if not file.is_typed:
        return None
    try:
        schema = schema_of(file)
    except UNREADABLE:
        raise unreadable(file) from None
    return names_in((schema.metadata or {}).get(b"huggingface"), column) or names_of_repository(file.path, column)


def names_in(text: bytes | None, column: str) -> tuple[str, ...] | None:
    """The names of a ClassLabel column in the schema's JSON of the datasets library."""
    try:
        return names_of_feature(json.loads(text or b"{}")["info"]["features"], column)
    except (ValueError, KeyError, TypeError):
        return None


def names_of_feature(features: Mapping[str, Any], column: str) -> tuple[str, ...] | None:
    """The names of a ClassLabel column, or of lists of them, in features of the datasets library; None if none."""
    feature = features.get(column)
    # A list's own feature is in one of these places, by the version of the library.
    inner = feature[0] if isinstance(feature, list) and feature else feature
    feature = inner.get("feature", inner) if isinstance(inner, dict) else None
    names = feature.get("names") if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" else None
    return tuple(map(str, names)) if isinstance(names, list) and len(set(names)) == len(names) > 1 else None


def names_of_repository(path: Path, column: str) -> tuple[str, ...] | None:
    """The names of a ClassLabel column in dataset_infos.json beside the file or in the folder above."""
    for folder in (path.parent, path.parent.parent):
        infos = folder / "dataset_infos.json"
        if infos.is_file():
            try:
                found = {names_of_feature(info["features"], column) for info in json.loads(infos.read_bytes()).values()}
            except (ValueError, KeyError, TypeError, AttributeError):
                return None
            # Several configurations may disagree.
            return found.pop() if len(found) == 1 else None
    return None
