"""SQL that scans one input file: its dialect as options of DuckDB's readers, and its columns."""

from __future__ import annotations

from collections.abc import Mapping

from processing.reading.schema import MAX_LINE_BYTES
from processing.reading.source import SourceFile
from processing.sql import identifier, literal

# The least that DuckDB accepts. Its default, 32 times the longest line, exceeds the memory limit and delays first rows.
BUFFER_BYTES = MAX_LINE_BYTES
REJECTS_TABLE = "rejected_lines"
SCANS_TABLE = "rejected_scans"
DIALECTS = {
    "csv": "delim = ',', quote = '\"', escape = '\"', header = true",
    # Tab-separated files have no quotes: a quotation mark is data.
    "tsv": "delim = '\t', quote = '', escape = '', header = true",
    # JSON contains no raw control characters, so no line is split at this delimiter.
    "jsonl": "delim = chr(1), quote = '', escape = '', header = false",
}


def scan(file: SourceFile, columns: Mapping[str, str]) -> str:
    """SQL that scans `file`, with all values as text except in parquet; broken lines go to REJECTS_TABLE."""
    path = literal(str(file.path))
    if file.format == "parquet":
        return f"read_parquet({path}, hive_partitioning = false)"
    names = ["line"] if file.format == "jsonl" else list(columns)
    schema = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    return (
        f"read_csv({path}, {DIALECTS[file.format]}, columns = {{{schema}}}, auto_detect = false, "
        "hive_partitioning = false, "
        f"compression = {literal(file.compression)}, max_line_size = {MAX_LINE_BYTES}, "
        f"buffer_size = {BUFFER_BYTES}, store_rejects = true, "
        f"rejects_table = {literal(REJECTS_TABLE)}, rejects_scan = {literal(SCANS_TABLE)})"
    )


def value(file: SourceFile, column: str) -> str:
    """SQL for one column of `file`, with the type that `scan` returns; for JSON lines as text."""
    if file.format == "jsonl":
        key = column.replace("\\", "\\\\").replace('"', '\\"')
        return f"json_extract_string(parsed, {literal('$.' + chr(34) + key + chr(34))})"
    return identifier(column)


def rows(file: SourceFile, columns: Mapping[str, str]) -> str:
    """SQL for the rows of `file`; for JSON lines the line and its parsed value."""
    source = scan(file, columns)
    if file.format == "jsonl":
        return f"(SELECT line, TRY_CAST(line AS JSON) AS parsed FROM {source})"
    return source
