"""Builds the SQL query over one input file: scan, typed columns, outcome, split, label and kept columns of each row.

The query returns filtered and rejected rows too, without their text, so that every row is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from processing.across_rows.occurrences import rank
from processing.options import ProcessingOptions
from processing.reading.columns import ChosenColumns, refuse_own_names
from processing.reading.scan import NULLS_OF, as_text, list_as_text, number, rows, unreadable, value, without_nan
from processing.reading.source import SourceFile, folder_columns
from processing.rows.conditions import conditions, text_sql, truth, used_columns
from processing.rows.filters import Outcome, outcome_sql
from processing.rows.given_splits import GivenSplits, file_split_sql, given_sql, kept_split_sql
from processing.rows.hashes import normalized_sql, owner_sql, pair_sql
from processing.rows.label_vectors import UNIT_SEPARATOR, joined
from processing.rows.labels import Labels
from processing.rows.split import SPLITS, hash_sql, split_sql
from processing.sql import identifier, literal

# The type of a column that is not in the file, but in the names of its folders.
FOLDER = "FOLDER"
VALUE_CHARS = 200


@dataclass(frozen=True)
class Plan:
    """The parts of the query that are the same for every file.

    Attributes:
        host: rank of this host.
        hosts: number of hosts that share the rows; 1 for sharded input.
        in_one_pass: whether duplicates are dropped while rows are read, by the key of each row's text.
        cut: largest rank of any row that is kept, from the first pass; None for no limit.
        given: splits that the input has, if they are kept.
    """

    options: ProcessingOptions
    chosen: ChosenColumns
    labels: Labels
    ratios: tuple[float, float, float]
    host: int = 0
    hosts: int = 1
    in_one_pass: bool = False
    cut: int | None = None
    given: GivenSplits | None = None

    @property
    def undivided(self) -> Plan:
        """The plan with the rows of all hosts, rather than this host's share of them."""
        return replace(self, host=0, hosts=1)

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits that the job writes."""
        shares = self.ratios if self.given is None else self.given.shares()
        return tuple(name for name, share in zip(SPLITS, shares, strict=True) if share > 0)

    @property
    def compared(self) -> str:
        """The column of the query by which rows are compared and assigned: text, or of pairs both texts as one."""
        return "text" if self.chosen.pair is None else "texts"

    @property
    def split(self) -> str:
        """SQL for the index of a row's split, over the columns `key` and `given`."""
        if self.given is not None:
            return kept_split_sql(self.given, self.options.seed)
        return split_sql(self.ratios, self.options.seed)


def own(columns: Mapping[str, str]) -> dict[str, str]:
    """The columns that are in the file itself."""
    return {name: kind for name, kind in columns.items() if kind != FOLDER}


def column_sql(file: SourceFile, column: str, columns: Mapping[str, str]) -> str:
    """SQL for one of the `columns` of `file`: its `value`, or the text that the name of a folder gives."""
    kind = columns.get(column, "")
    if kind.startswith(NULLS_OF):
        return f"CAST(NULL AS {kind.removeprefix(NULLS_OF)})"
    return folder_sql(file, column) if kind == FOLDER else value(file, column)


def folder_sql(file: SourceFile, column: str) -> str:
    """SQL for the text that the name of a folder of `file` gives to a column."""
    text = folder_columns(file)[column]
    return "CAST(NULL AS VARCHAR)" if text is None else literal(text)


def text_of(file: SourceFile, column: str | None, columns: Mapping[str, str], is_list: bool = False) -> str:
    """SQL for one of the `columns` of `file` as text; NULL for None."""
    if column is None:
        return "CAST(NULL AS VARCHAR)"
    if columns.get(column) == FOLDER:
        return folder_sql(file, column)
    return (list_as_text if is_list else as_text)(file, column, columns)


def usable(file: SourceFile, columns: Mapping[str, str], options: ProcessingOptions) -> list[str]:
    """SQL for the columns that the user's SQL uses; as text except in parquet; raises UserError for a name hf_x."""
    used = [used_columns(sql) for sql in conditions(options).values()]
    names = None if None in used else frozenset().union(*(each for each in used if each))
    found = [column for column in columns if names is None or column.lower() in names]
    refuse_own_names(file, found, tuple(conditions(options)))
    values = {column: without_nan(file, columns[column], column_sql(file, column, columns)) for column in found}
    return [f"{sql} AS {identifier(column)}" for column, sql in values.items()]


def text_columns(file: SourceFile, columns: Mapping[str, str]) -> frozenset[str]:
    """The names of the columns of `file` whose values are text."""
    return frozenset(name for name, kind in columns.items() if not file.is_typed or kind in ("VARCHAR", FOLDER))


def build(plan: Plan, file: SourceFile, columns: Mapping[str, str]) -> str:
    """Build the query over `file`, whose columns are `columns`.

    Its result has the columns outcome UTINYINT, split UTINYINT, number BIGINT (the class), text VARCHAR, of pairs pair
    VARCHAR (the second text), fault VARCHAR (the start of an invalid value), text_hash UBIGINT (or, in one pass, texts
    VARCHAR of a pair), file UINTEGER (number in its group), label_value (FLOAT or FLOAT[]) where labels are no classes,
    repeated_labels BOOLEAN where a row has several, and kept_0, kept_1, ...; rows are in the order of the files.
    """
    texts = ("text",) if plan.chosen.pair is None else ("text", "pair")
    faults = f"{int(Outcome.NOT_JSON)}, {int(Outcome.BAD_LABEL)}, {int(Outcome.UNKNOWN_LABEL)}"
    label = f"ltrim(replace(label, {literal(UNIT_SEPARATOR)}, ' '))" if plan.chosen.has_lists else "label"
    fault = f"left(CASE WHEN broken THEN raw ELSE {label} END, {VALUE_CHARS})"
    outputs = [
        "outcome",
        f"{plan.split} AS split",
        f"{plan.labels.number} AS number",
        *(f"{of_kept(text)} AS {text}" for text in texts),
        f"CASE WHEN outcome IN ({faults}) THEN {fault} END AS fault",
        *comparison(plan),
        "file",
        *([f"{plan.labels.value} AS label_value"] if plan.labels.value else []),
        *([f"{plan.labels.repeated} AS repeated_labels"] if plan.labels.repeated else []),
        *kept_names(plan.chosen),
    ]
    return f"SELECT {', '.join(outputs)} FROM ({decided(plan, file, columns)})"


def comparison(plan: Plan) -> list[str]:
    """SQL for what rows are compared by, beside text: a hash to count equal texts; in one pass both texts of a pair."""
    if not plan.in_one_pass:
        # Faster than MD5, and compared within the job only.
        return [f"hash({plan.compared}) AS text_hash"]
    return [] if plan.compared == "text" else [f"{of_kept(plan.compared)} AS {plan.compared}"]


def of_kept(column: str) -> str:
    """SQL for a column in rows that are kept, and NULL in others."""
    return f"CASE WHEN outcome = {int(Outcome.KEPT)} THEN {column} END"


def surveyed(plan: Plan, file: SourceFile, columns: Mapping[str, str]) -> str:
    """SQL for the rows of `file` as the first pass needs them: outcome, text, split, number, key_hash UBIGINT and file.

    The text of a pair is both texts as one.
    """
    key_hash = f"CAST({hash_sql(plan.options.seed)} AS UBIGINT)"
    return (
        f"SELECT outcome, {plan.compared} AS text, {plan.split} AS split, {plan.labels.number} AS number, "
        f"{key_hash} AS key_hash, file FROM ({decided(plan, file, columns)})"
    )


def decided(plan: Plan, file: SourceFile, columns: Mapping[str, str]) -> str:
    """SQL for the rows of `file` with the columns of `selected` and their outcome."""
    outcome = outcome_sql(plan.options, plan.labels, plan.host, plan.hosts, cut_conditions(plan))
    # Equal texts must be read by the same host.
    by_text = plan.options.drop_duplicates or plan.options.conflicts != "keep"
    text = normalized_sql(plan.compared) if by_text else plan.compared
    owner = f"{owner_sql(text)} AS owner"
    return f"SELECT *, {outcome} AS outcome FROM (SELECT *, {owner} FROM ({selected(plan, file, columns)}))"


def kept_names(chosen: ChosenColumns) -> list[str]:
    """The names that the query gives to the columns to keep."""
    return [f"kept_{index}" for index in range(len(chosen.kept))]


def cut_conditions(plan: Plan) -> list[tuple[str, Outcome]]:
    """SQL conditions, with outcomes, of rows that are filtered by --max-rows, from the first pass."""
    if plan.cut is None:
        return []
    return [(f"{rank(plan.options, plan.compared)} > {plan.cut}", Outcome.OVER_MAX_ROWS)]


def selected(plan: Plan, file: SourceFile, columns: Mapping[str, str]) -> str:
    """SQL for the rows with text, label, split key and the values of the user's conditions.

    The inner columns have the prefix hf_, so that they do not hide the user's columns.
    """
    chosen, options = plan.chosen, plan.options
    kept = kept_names(chosen)
    inner = [
        *(
            f"{text_of(file, column, columns, name == 'label' and chosen.has_lists)} AS hf_{name}"
            for name, column in texts_of(chosen).items()
        ),
        *(f"{column_sql(file, column, columns)} AS hf_{name}" for column, name in zip(chosen.kept, kept, strict=True)),
    ]
    faults = ", ".join(unreadable(file, column, columns) for column in (chosen.text, chosen.pair))
    inner += [f"CAST(coalesce({faults}) AS UTINYINT) AS hf_unreadable", f"CAST({number(file)} AS UINTEGER) AS hf_file"]
    inner += usable(file, columns, options)
    texts = text_columns(file, columns)
    is_json = file.format == "jsonl"
    inner.append("line AS hf_raw, line IS NULL AS hf_blank" if is_json else "NULL AS hf_raw, false AS hf_blank")
    # A line that is valid JSON but not an object has no columns.
    inner.append("coalesce(json_type(parsed), '') <> 'OBJECT' AS hf_broken" if is_json else "false AS hf_broken")
    condition = "true" if options.where is None else f"coalesce({truth(options.where, texts)}, false)"
    text = "hf_text" if options.text_expression is None else text_sql(options.text_expression, texts)
    both = text if chosen.pair is None else pair_sql(text, "hf_pair")
    outer = [
        f"{text} AS text",
        *([] if chosen.pair is None else ["hf_pair AS pair", f"{both} AS texts"]),
        f"{label_sql(options, texts)} AS label",
        f"coalesce(hf_group, {both}, '') AS key",
        f"{file_split_sql(file.name) if chosen.split is None else given_sql('hf_split')} AS given",
        "hf_blank AS blank",
        "hf_broken AS broken",
        "hf_raw AS raw",
        "hf_unreadable AS unreadable",
        "hf_file AS file",
        f"{condition} AS selected",
        *(f"hf_{name} AS {name}" for name in kept),
    ]
    return f"SELECT {', '.join(outer)} FROM (SELECT {', '.join(inner)} FROM {rows(file, own(columns))})"


def texts_of(chosen: ChosenColumns) -> dict[str, str | None]:
    """The columns that the query reads as text, by the names that it gives them."""
    flags = {f"flag_{place}": column for place, column in enumerate(chosen.flags)}
    pair = {} if chosen.pair is None else {"pair": chosen.pair}
    return {"text": chosen.text, **pair, "label": chosen.label, "group": chosen.group, "split": chosen.split, **flags}


def label_sql(options: ProcessingOptions, texts: frozenset[str]) -> str:
    """SQL for the label as text: the label column, the user's expression, or 0 or 1 by the user's condition."""
    if options.label_expression is not None:
        return text_sql(options.label_expression, texts)
    if options.positive_where is not None:
        return f"CAST(CAST({truth(options.positive_where, texts)} AS INTEGER) AS VARCHAR)"
    if options.label_columns:
        return joined(options.label_columns, "hf_flag_")
    return "hf_label"
