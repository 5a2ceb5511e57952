"""SQL for labels that are not classes: numbers for regression, and several labels a row, by a delimiter or columns."""

from __future__ import annotations

from collections.abc import Sequence

from contract.card import MULTI_LABEL, REGRESSION
from processing.rows.labels import Labels
from processing.sql import identifier, literal

# transformers' own name for the one output of a regression model.
NUMBER_NAME = "LABEL_0"
# Between the names that --label-columns give a row; no text has it.
UNIT_SEPARATOR = "\x1f"
TRUE, FALSE = "('1', '1.0', 'true')", "('0', '0.0', 'false')"


def numbers(names: tuple[str, ...] | None) -> Labels:
    """Labels are finite numbers, which are written as float32."""
    # A number beyond the range of float32 has no such cast.
    value = "TRY_CAST(TRY_CAST(label AS DOUBLE) AS FLOAT)"
    return Labels(
        f"CASE WHEN isfinite({value}) THEN CAST(0 AS BIGINT) END",
        "true",
        names or (NUMBER_NAME,),
        "a finite number of float32",
        value=value,
        problem_type=REGRESSION,
    )


def several(names: Sequence[str], delimiter: str, missing: str = "false") -> Labels:
    """Labels are names with `delimiter` between them, which are written as 0 or 1 for each of `names`.

    Args:
        missing: SQL condition of rows without labels; where it is false, empty values mean none of the labels.
    """
    known = f"[{', '.join(map(literal, names))}]"
    return Labels(
        f"CASE WHEN list_has_all({known}, {parts(delimiter)}) THEN CAST(0 AS BIGINT) END",
        "true",
        tuple(names),
        f"some of {', '.join(names)}",
        value=f"list_transform({known}, lambda name: CAST(list_contains({parts(delimiter)}, name) AS FLOAT))",
        problem_type=MULTI_LABEL,
        missing=missing,
    )


def by_columns(columns: Sequence[str]) -> Labels:
    """Labels are the names of columns, as `joined` gives them."""
    return several(columns, UNIT_SEPARATOR, missing="label IS NULL")


def any_of_several() -> Labels:
    """Every row that has a label counts, to find the names that there are."""
    return Labels("CAST(0 AS BIGINT)", "true", None, "text", problem_type=MULTI_LABEL, missing="false")


def parts(delimiter: str) -> str:
    """SQL for the list of the names in `label`."""
    split = f"list_transform(string_split(coalesce(label, ''), {literal(delimiter)}), lambda part: trim(part))"
    return f"list_filter({split}, lambda part: part <> '')"


def joined(columns: Sequence[str], prefix: str) -> str:
    """SQL for the names of those `columns` that are 1 or true in a row; NULL where one is missing.

    Args:
        prefix: of the columns as the query has them: prefix and place. Where some are neither 0 nor 1, the result is
            their names and values alone, which are no label.
    """
    values = [f"lower(trim({identifier(f'{prefix}{place}')}))" for place in range(len(columns))]
    pairs = list(zip(columns, values, strict=True))
    named = [f"CASE WHEN {value} IN {TRUE} THEN {literal(name)} END" for name, value in pairs]
    wrong = [
        f"CASE WHEN {value} NOT IN {TRUE} AND {value} NOT IN {FALSE} THEN concat({literal(name + ' is ')}, {value}) END"
        for name, value in pairs
    ]
    missing = " OR ".join(f"{value} IS NULL" for value in values)
    joined_wrong = f"nullif(concat_ws(', ', {', '.join(wrong)}), '')"
    joined_names = f"concat_ws({literal(UNIT_SEPARATOR)}, {', '.join(named)})"
    return f"CASE WHEN NOT ({missing}) THEN coalesce({joined_wrong}, {joined_names}) END"
