"""SQL for labels that are no classes: numbers for regression; several labels a row, by delimiter, columns or lists."""

from __future__ import annotations

from collections.abc import Sequence

from contract.card import MULTI_LABEL, REGRESSION
from contract.labels import FALSE, NUMBER_NAME, TRUE
from processing.rows.labels import Labels
from processing.sql import identifier, literal

# Between the names that --label-columns give a row, and before each label of a list; no text has it.
UNIT_SEPARATOR = "\x1f"
# Space before or after a name: \s matches that of ASCII only, \p{Z} Unicode's.
SPACE = r"^[\s\p{Z}]+|[\s\p{Z}]+$"


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


def several(
    names: Sequence[str], found: str, keys: Sequence[Sequence[str]] | None = None, missing: str = "false"
) -> Labels:
    """Labels are some of `names`, which are written as 0 or 1 for each of them.

    Args:
        found: SQL for the list of the labels of a row, as `parts` and `parts_of_list` give it; NULL is not understood.
        keys: texts that mean each label; None for its name alone.
        missing: SQL condition of rows without labels; where it is false, empty values mean none of the labels.
    """
    keys = keys or [(name,) for name in names]
    known = texts([key for each in keys for key in each])
    lists = f"[{', '.join(map(texts, keys))}]"
    return Labels(
        f"CASE WHEN list_has_all({known}, {found}) THEN CAST(0 AS BIGINT) END",
        "true",
        tuple(names),
        f"some of {', '.join(names)}",
        value=f"list_transform({lists}, lambda keys: CAST(list_has_any({found}, keys) AS FLOAT))",
        problem_type=MULTI_LABEL,
        missing=missing,
        repeated=f"coalesce(len(list_distinct({found})) < len({found}), false)",
    )


def by_delimiter(names: Sequence[str], delimiter: str) -> Labels:
    """Labels are names with `delimiter` between them."""
    return several(names, parts(delimiter))


def by_columns(columns: Sequence[str]) -> Labels:
    """Labels are the names of columns, as `joined` gives them."""
    return several(columns, parts(UNIT_SEPARATOR), missing="label IS NULL")


def by_lists(names: Sequence[str], are_numbers: bool = False) -> Labels:
    """Labels are lists of names or of their numbers, as `scan.list_as_text` gives them; a list may be empty.

    Args:
        are_numbers: whether the lists hold numbers alone, as those of a ClassLabel; a name may be another's number.
    """
    numbers = list(map(str, range(len(names))))
    if are_numbers:
        keys: list[tuple[str, ...]] = [(number,) for number in numbers]
    else:
        keys = [(name, *({number} - set(names))) for name, number in zip(names, numbers, strict=True)]
    return several(names, parts_of_list(), keys, missing="label IS NULL")


def by_flags(names: Sequence[str]) -> Labels:
    """Labels are lists of 0 or 1 for each of `names`, as `scan.list_as_text` gives them."""
    found = f"list_transform({parts_of_list()}, lambda part: lower(part))"
    is_right = f"len({found}) = {len(names)} AND list_has_all({texts(TRUE + FALSE)}, {found})"
    return Labels(
        f"CASE WHEN {is_right} THEN CAST(0 AS BIGINT) END",
        "true",
        tuple(names),
        f"0 or 1 for each of {len(names)} labels",
        value=f"list_transform({found}, lambda part: CAST(part IN ({', '.join(map(literal, TRUE))}) AS FLOAT))",
        problem_type=MULTI_LABEL,
        missing="label IS NULL",
    )


def any_of_several() -> Labels:
    """Every row that has a label counts, to find the names that there are."""
    return Labels("CAST(0 AS BIGINT)", "true", None, "text", problem_type=MULTI_LABEL, missing="false")


def texts(values: Sequence[str]) -> str:
    """SQL for a list of texts."""
    return f"[{', '.join(map(literal, values))}]"


def parts(delimiter: str) -> str:
    """SQL for the list of the names in `label`, with `delimiter` between them."""
    split = trimmed(f"string_split(coalesce(label, ''), {literal(delimiter)})")
    return f"list_filter({split}, lambda part: part <> '')"


def parts_of_list() -> str:
    """SQL for the list of the labels in `label`, with UNIT_SEPARATOR before each; NULL where it is no such text."""
    split = trimmed(f"string_split(label, {literal(UNIT_SEPARATOR)})[2:]")
    return f"CASE WHEN label = '' THEN [] WHEN starts_with(label, {literal(UNIT_SEPARATOR)}) THEN {split} END"


def trimmed(items: str) -> str:
    """SQL for a list of texts without the space around each."""
    return f"list_transform({items}, lambda part: regexp_replace(part, '{SPACE}', '', 'g'))"


def joined(columns: Sequence[str], prefix: str) -> str:
    """SQL for the names of those `columns` that are 1 or true in a row; NULL where one is missing.

    Args:
        prefix: of the columns as the query has them: prefix and place. Where some are neither 0 nor 1, the result is
            their names and values alone, which are no label.
    """
    is_true, is_false = (f"({', '.join(map(literal, each))})" for each in (TRUE, FALSE))
    values = [f"lower(trim({identifier(f'{prefix}{place}')}))" for place in range(len(columns))]
    pairs = list(zip(columns, values, strict=True))
    named = [f"CASE WHEN {value} IN {is_true} THEN {literal(name)} END" for name, value in pairs]
    is_wrong = {value: f"{value} NOT IN {is_true} AND {value} NOT IN {is_false}" for value in values}
    wrong = [f"CASE WHEN {is_wrong[value]} THEN concat({literal(name + ' is ')}, {value}) END" for name, value in pairs]
    missing = " OR ".join(f"{value} IS NULL" for value in values)
    joined_wrong = f"nullif(concat_ws(', ', {', '.join(wrong)}), '')"
    joined_names = f"concat_ws({literal(UNIT_SEPARATOR)}, {', '.join(named)})"
    return f"CASE WHEN NOT ({missing}) THEN coalesce({joined_wrong}, {joined_names}) END"
