"""The SQL query over one input file: scan, typed columns, outcome, split, label and kept columns of each row.

Rows that are not kept come out too, without their text, so that each one is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.reading.first_pass import BALANCED, Cuts, rank
from processing.reading.schema import MAX_LINE_BYTES
from processing.reading.source import SourceFile
from processing.rows.filters import Outcome, outcome_sql
from processing.rows.hashes import normalized_sql, owner_sql
from processing.rows.labels import Labels
from processing.rows.split import SPLITS, split_sql
from processing.sql import identifier, literal

# The least that DuckDB takes: its default, many times the longest line, is more than its memory, and first rows late.
BUFFER_BYTES = MAX_LINE_BYTES
VALUE_CHARS = 200
REJECTS_TABLE = "rejected_lines"
SCANS_TABLE = "rejected_scans"
DIALECTS = {
    "csv": "delim = ',', quote = '\"', escape = '\"', header = true",
    # Tab-separated reviews are not quoted: a quote is data.
    "tsv": "delim = '\t', quote = '', escape = '', header = true",
    # A line of JSON holds no raw control character, so none of them is cut.
    "jsonl": "delim = chr(1), quote = '', escape = '', header = false",
}


@dataclass(frozen=True)
class Chosen:
    """The columns a job reads. `label` is None where labels come from a condition, or there are none."""

    text: str
    label: str | None
    group: str | None
    kept: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        return (self.text, *filter(None, (self.label, self.group)), *self.kept)


@dataclass(frozen=True)
class Plan:
    """What the query of every file shares."""

    options: ProcessingOptions
    chosen: Chosen
    labels: Labels
    ratios: tuple[float, float, float]
    types: Mapping[str, str]
    host: int = 0
    hosts: int = 1
    cuts: Cuts = field(default_factory=Cuts)


def scan(file: SourceFile, columns: Mapping[str, str]) -> str:
    """SQL for the rows of `file` as they are; lines that do not parse go to REJECTS_TABLE."""
    path = literal(str(file.path))
    if file.format == "parquet":
        return f"read_parquet({path})"
    names = ["line"] if file.format == "jsonl" else list(columns)
    schema = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    return (
        f"read_csv({path}, {DIALECTS[file.format]}, columns = {{{schema}}}, auto_detect = false, "
        f"compression = {literal(file.compression)}, max_line_size = {MAX_LINE_BYTES}, "
        f"buffer_size = {BUFFER_BYTES}, store_rejects = true, "
        f"rejects_table = {literal(REJECTS_TABLE)}, rejects_scan = {literal(SCANS_TABLE)})"
    )


def value(file: SourceFile, column: str) -> str:
    """SQL for one column of `file`, with the type it has there; of a json line, its text."""
    if file.format == "jsonl":
        key = column.replace("\\", "\\\\").replace('"', '\\"')
        return f"json_extract_string(parsed, {literal('$.' + chr(34) + key + chr(34))})"
    return identifier(column)


def typed(file: SourceFile, columns: Mapping[str, str], types: Mapping[str, str]) -> list[str]:
    """The columns as an SQL condition sees them: numbers as numbers."""
    shown = []
    for column in columns:
        kind = types.get(column, "VARCHAR")
        expression = value(file, column)
        if file.format != "parquet" and kind != "VARCHAR":
            expression = f"TRY_CAST({expression} AS {kind})"
        shown.append(f"{expression} AS {identifier(column)}")
    return shown


def build(plan: Plan, file: SourceFile, columns: Mapping[str, str]) -> str:
    """The query over `file`, whose columns are `columns`.

    Result: outcome UTINYINT, split UTINYINT, number BIGINT (the class), text VARCHAR, fault
    VARCHAR (the start of what is wrong), and kept_0, kept_1, ...; in the order of the file.
    """
    options, chosen = plan.options, plan.chosen
    kept = [f"kept_{index}" for index in range(len(chosen.kept))]
    outcome = outcome_sql(options, plan.labels, plan.host, plan.hosts, cut_conditions(plan))
    faults = f"{int(Outcome.NOT_JSON)}, {int(Outcome.BAD_LABEL)}, {int(Outcome.UNKNOWN_LABEL)}"
    fault = f"left(CASE WHEN broken THEN raw ELSE label END, {VALUE_CHARS})"
    # Texts that are duplicates of each other must meet on one host.
    owner = owner_sql(normalized_sql("text") if options.drop_duplicates else "text")
    outputs = [
        "outcome",
        f"{split_sql(plan.ratios, options.seed)} AS split",
        f"{plan.labels.number} AS number",
        f"CASE WHEN outcome = {int(Outcome.KEPT)} THEN text END AS text",
        f"CASE WHEN outcome IN ({faults}) THEN {fault} END AS fault",
        *kept,
    ]
    return (
        f"SELECT {', '.join(outputs)} FROM (SELECT *, {outcome} AS outcome FROM "
        f"(SELECT *, {owner} AS owner FROM ({selected(plan, file, columns, kept)})))"
    )


def cut_conditions(plan: Plan) -> list[tuple[str, Outcome]]:
    """SQL conditions of the rows that the survey has cut off."""
    found = []
    if plan.cuts.all_rows is not None:
        found.append((f"{rank(plan.options)} > {plan.cuts.all_rows}", Outcome.OVER_MAX_ROWS))
    if plan.cuts.by_class:
        highest = " ".join(f"WHEN {number} THEN {cut}" for number, cut in plan.cuts.by_class.items())
        in_train = f"{split_sql(plan.ratios, plan.options.seed)} = {SPLITS.index(BALANCED)}"
        cut = f"{rank(plan.options)} > CASE {plan.labels.number} {highest} END"
        found.append((f"{in_train} AND {cut}", Outcome.UNBALANCED))
    return found


def selected(plan: Plan, file: SourceFile, columns: Mapping[str, str], kept: list[str]) -> str:
    """SQL for the rows with the user's conditions evaluated, under names of our own."""
    chosen, options = plan.chosen, plan.options
    inner = [
        f"CAST({value(file, chosen.text)} AS VARCHAR) AS hf_text",
        f"CAST({value(file, chosen.label) if chosen.label else 'NULL'} AS VARCHAR) AS hf_label",
        f"CAST({value(file, chosen.group or chosen.text)} AS VARCHAR) AS hf_group",
        *(f"{value(file, column)} AS hf_{name}" for column, name in zip(chosen.kept, kept, strict=True)),
    ]
    if conditions(options):
        inner += typed(file, columns, plan.types)
    is_json = file.format == "jsonl"
    inner.append("line AS hf_raw, line IS NULL AS hf_blank" if is_json else "NULL AS hf_raw, false AS hf_blank")
    # A line that is valid JSON but no object has no columns.
    inner.append("coalesce(json_type(parsed), '') <> 'OBJECT' AS hf_broken" if is_json else "false AS hf_broken")
    condition = "true" if options.where is None else f"coalesce({truth(options.where)}, false)"
    positive = options.positive_where
    outer = [
        "hf_text AS text",
        f"{'hf_label' if positive is None else f'CAST(CAST({truth(positive)} AS INTEGER) AS VARCHAR)'} AS label",
        "coalesce(hf_group, hf_text, '') AS key",
        "hf_blank AS blank",
        "hf_broken AS broken",
        "hf_raw AS raw",
        f"{condition} AS selected",
        *(f"hf_{name} AS {name}" for name in kept),
    ]
    return f"SELECT {', '.join(outer)} FROM (SELECT {', '.join(inner)} FROM {rows(file, columns)})"


def truth(condition: str) -> str:
    """SQL for the user's `condition` as a BOOLEAN; the line break ends a comment that it may end in."""
    return f"CAST(({condition}\n) AS BOOLEAN)"


def conditions(options: ProcessingOptions) -> dict[str, str]:
    """The conditions that the user wrote in SQL, by their options."""
    given = {"--where": options.where, "--positive-where": options.positive_where}
    return {name: condition for name, condition in given.items() if condition is not None}


def rows(file: SourceFile, columns: Mapping[str, str]) -> str:
    source = scan(file, columns)
    if file.format == "jsonl":
        return f"(SELECT line, TRY_CAST(line AS JSON) AS parsed FROM {source})"
    return source


def choose(options: ProcessingOptions, file: SourceFile, columns: Mapping[str, str]) -> Chosen:
    """The columns that `options` ask for, by their names in `file`.

    Raises:
        UserError: one of them is not there.
    """
    text = named(options.text_column, ("review_body", "text"), "--text-column", file, columns)
    label = None
    if not options.unlabelled and options.positive_where is None:
        label = named(options.label_column, ("star_rating", "label"), "--label-column", file, columns)
    group = named(options.group_by, (), "--group-by", file, columns) if options.group_by else None
    kept = tuple(named(name, (), "--columns", file, columns) for name in options.columns)
    return Chosen(text, label, group, kept)


def named(
    asked: str | None, defaults: tuple[str, ...], option: str, file: SourceFile, columns: Mapping[str, str]
) -> str:
    wanted = defaults if asked is None else (asked,)
    for name in wanted:
        if name in columns:
            return name
    raise UserError(
        f"input file {file.name} has no column {' or '.join(wanted)} ({option}); its columns are {', '.join(columns)}"
    )
