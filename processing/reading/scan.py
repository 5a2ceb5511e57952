"""SQL that scans one input file: its dialect as options of DuckDB's readers, and its columns as text."""

from __future__ import annotations

from collections.abc import Mapping

from processing.reading.arrow_files import number_of_rows
from processing.reading.layout import layout
from processing.reading.lines import MAX_LINE_BYTES
from processing.reading.source import SourceFile
from processing.rows.filters import Outcome
from processing.rows.label_vectors import UNIT_SEPARATOR
from processing.sql import identifier, literal

# Column of the number of a file in its group.
NUMBER = "hf_number"
# The same as DuckDB gives it, for parquet, and the number of a row in its file.
PARQUET_NUMBER, ROW_NUMBER = "file_index", "file_row_number"
REJECTS_TABLE = "rejected_lines"
SCANS_TABLE = "rejected_scans"
# JSON contains no raw control characters, so no line is split at this delimiter.
JSON_LINES = "delim = chr(1), quote = '', escape = '', header = false"
# Types whose values are text in an encoding, and those that have NaN.
BYTES, FLOATS = "BLOB", ("FLOAT", "DOUBLE")
# The type of a column of parquet or Arrow without values; as it is kept, before the type that it has in other files.
NULLS, NULLS_OF = '"NULL"', "NULLS OF "


def scan(file: SourceFile, columns: Mapping[str, str]) -> str:
    """SQL that scans `file`, with all values as text except in parquet; broken lines go to REJECTS_TABLE."""
    if file.view is not None:
        return identifier(file.view)
    if file.format == "parquet":
        # Names of folders are no columns: they would replace those of the file.
        places = ", ".join(literal(str(member.path)) for member in file.members)
        whole = f"read_parquet([{places}], hive_partitioning = false)"
        if file.share.is_whole:
            return whole
        # DuckDB skips row groups by the numbers of their rows.
        first, end = own_rows(file)
        return f"(SELECT * FROM {whole} WHERE {ROW_NUMBER} >= {first} AND {ROW_NUMBER} < {end})"
    place = str(file.pipe or file.path)
    names = ["line"] if file.format == "jsonl" else list(columns)
    schema = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    scanned = (
        f"read_csv({literal(place)}, {dialect(file)}, columns = {{{schema}}}, auto_detect = false, "
        f"compression = 'none', max_line_size = {MAX_LINE_BYTES}, hive_partitioning = false, "
        # The least that DuckDB accepts. Its default, 32 times the longest line, exceeds the memory limit and delays
        # the first rows.
        f"buffer_size = {MAX_LINE_BYTES}, store_rejects = true, "
        f"rejects_table = {literal(REJECTS_TABLE)}, rejects_scan = {literal(SCANS_TABLE)})"
    )
    return scanned if file.mark is None else without_marks(scanned, names[0], file.mark)


def without_marks(scanned: str, column: str, mark: str) -> str:
    """SQL for the rows of a group of files in the pipe with the column NUMBER, counted by the marks that end files.

    Args:
        column: name of the first column, which has the marks.
    """
    is_mark = f"{identifier(column)} = {literal(mark)}"
    # Such a window needs the rows before alone, so the database passes rows on as it reads them.
    files = f"count(CASE WHEN {is_mark} THEN 1 END) OVER (ROWS UNBOUNDED PRECEDING) AS {NUMBER}"
    return f"(SELECT * FROM (SELECT *, {files} FROM {scanned}) WHERE ({is_mark}) IS NOT TRUE)"


def own_rows(file: SourceFile) -> tuple[int, int]:
    """The first row of a parquet file that this host reads, and the one after the last."""
    return file.share.rows(number_of_rows(file))


def dialect(file: SourceFile) -> str:
    """The dialect of a csv, tsv or jsonl file as options of read_csv; the scan of the content replaces escapes."""
    if file.format == "jsonl":
        return JSON_LINES
    found = layout(file).dialect
    has_header = file.share.has_header and not file.others
    skip = f", skip = {found.skipped}" if found.skipped and has_header else ""
    return (
        f"delim = {literal(found.delimiter)}, quote = {literal(found.quote)}, escape = {literal(found.quote)}, "
        f"header = {str(found.has_header and has_header).lower()}{skip}"
    )


def value(file: SourceFile, column: str) -> str:
    """SQL for one column of `file`, with the type that `scan` returns; for JSON lines as text."""
    if file.format == "jsonl":
        return f"json_extract_string(parsed, {json_path(column)})"
    return identifier(column)


def json_path(column: str) -> str:
    """The JSON path of a key, as an SQL literal."""
    key = column.replace("\\", "\\\\").replace('"', '\\"')
    return literal("$." + chr(34) + key + chr(34))


def as_text(file: SourceFile, column: str, columns: Mapping[str, str]) -> str:
    """SQL for one of the `columns` of `file` as text: bytes as UTF-8, and NaN as a missing value."""
    expression, kind = value(file, column), columns.get(column)
    if kind == BYTES:
        return f"TRY(decode({expression}))"
    return f"CAST({without_nan(file, kind, expression)} AS VARCHAR)"


def without_nan(file: SourceFile, kind: str | None, expression: str) -> str:
    """SQL for the values of a column of type `kind`, with NULL for NaN, which stands for missing values."""
    if not file.is_typed or kind not in FLOATS:
        return expression
    return f"CASE WHEN {is_number(f'CAST({expression} AS VARCHAR)')} THEN {expression} END"


def is_number(text: str) -> str:
    """SQL: whether `text`, a number as VARCHAR, is not NaN, of either sign.

    DuckDB takes isnan() for false where a parquet file's statistics, from which writers leave NaN out, have none.
    """
    return f"{text} NOT LIKE '%nan'"


def list_as_text(file: SourceFile, column: str, columns: Mapping[str, str]) -> str:
    """SQL for a list of labels as text: UNIT_SEPARATOR and its text for each, which is empty for one that has no text.

    Values of JSON that are no lists are their text, without UNIT_SEPARATOR.
    """
    stored, mark = value(file, column), literal(UNIT_SEPARATOR)
    if file.format == "jsonl":
        items = f"json_extract(parsed, {json_path(column)[:-1]}[*]')"
        # Lists within the list have no label.
        text = "CASE WHEN json_type(item) NOT IN ('ARRAY', 'OBJECT') THEN json_extract_string(item, '$') END"
    else:
        items = f"CAST({stored} AS VARCHAR[])"
        # A whole number, as Arrow writes it; NaN is a missing value.
        number = f"CASE WHEN {is_number('item')} THEN regexp_replace(item, '\\.0$', '') END"
        text = number if columns[column].startswith(FLOATS) else "item"
    marked = f"concat({mark}, CASE WHEN NOT contains({text}, {mark}) THEN {text} END)"
    joined = f"array_to_string(list_transform({items}, lambda item: {marked}), '')"
    if file.format == "jsonl":
        return f"CASE json_type(parsed, {json_path(column)}) WHEN 'ARRAY' THEN {joined} ELSE {stored} END"
    return f"CASE WHEN {stored} IS NOT NULL THEN {joined} END"


def unreadable(file: SourceFile, text: str | None, columns: Mapping[str, str]) -> str:
    """SQL for the outcome of a row whose `text` is not text (bytes that are not UTF-8, a list), else NULL."""
    if text is None:
        return "NULL"
    if columns.get(text) == BYTES:
        expression = value(file, text)
        wrong = f"{expression} IS NOT NULL AND TRY(decode({expression})) IS NULL"
        return f"CASE WHEN {wrong} THEN {int(Outcome.NOT_UTF8)} END"
    if file.format == "jsonl":
        kind = f"json_type(parsed, {json_path(text)})"
        return f"CASE WHEN {kind} IN ('ARRAY', 'OBJECT') THEN {int(Outcome.NOT_TEXT)} END"
    return "NULL"


def rows(file: SourceFile, columns: Mapping[str, str]) -> str:
    """SQL for the rows of `file`; for JSON lines the line and its parsed value."""
    source = scan(file, columns)
    if file.format == "jsonl":
        number = f", {NUMBER}" if file.others else ""
        return f"(SELECT line, TRY_CAST(line AS JSON) AS parsed{number} FROM {source})"
    return source


def number(file: SourceFile) -> str:
    """SQL for the number of a row's file in its group."""
    if not file.others:
        return "0"
    return PARQUET_NUMBER if file.format == "parquet" else NUMBER
