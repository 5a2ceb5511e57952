"""SQL that converts labels to class numbers (by threshold, map, condition or unchanged), and the class names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.sql import literal

BINARY_NAMES = ("NEGATIVE", "POSITIVE")
# Larger integers are identifiers or amounts rather than classes.
MOST_CLASSES = 1000


@dataclass(frozen=True)
class Labels:
    """The rule that converts a label to a class number.

    Attributes:
        number: SQL for the class number (BIGINT) over the text column `label`; NULL for an invalid label.
        known: SQL condition: the label is one of the configured values, or is missing.
        names: class names in order; None if the classes are the numbers in the data.
        expected: the expected labels in words, for errors.
        is_labelled: whether rows have labels.
    """

    number: str
    known: str
    names: tuple[str, ...] | None
    expected: str
    is_labelled: bool = True


def labels(options: ProcessingOptions) -> Labels:
    """The label rule that `options` configure.

    Raises:
        UserError: --label-map is empty, or does not match --label-names.
    """
    if options.unlabelled:
        return Labels("CAST(NULL AS BIGINT)", "true", (), "none", is_labelled=False)
    if options.positive_where is not None:
        # The query converts the value of the condition to the label "0" or "1".
        return by_map({"0": 0, "1": 1}, options.label_names or BINARY_NAMES)
    if options.label_threshold is not None:
        return by_threshold(options.label_threshold, options.label_names or BINARY_NAMES)
    if options.label_map is not None:
        classes, names = read_map(options.label_map, options.label_names)
        return by_map(classes, names)
    if options.label_names is not None:
        numbers = {str(number): number for number in range(len(options.label_names))}
        named = {name: number for number, name in enumerate(options.label_names)}
        return by_map(numbers | named, options.label_names)
    return unchanged()


def by_threshold(threshold: float, names: tuple[str, ...]) -> Labels:
    """Labels are numbers: class 1 from `threshold` on, else class 0."""
    value = "TRY_CAST(label AS DOUBLE)"
    number = f"CASE WHEN isfinite({value}) THEN CAST({value} >= CAST({threshold!r} AS DOUBLE) AS BIGINT) END"
    return Labels(number, "true", names, "a number")


def unchanged() -> Labels:
    """Labels are class numbers: integers from 0."""
    value = "TRY_CAST(label AS DOUBLE)"
    whole = f"{value} BETWEEN 0 AND {MOST_CLASSES - 1} AND {value} = floor({value})"
    return Labels(f"CASE WHEN {whole} THEN CAST({value} AS BIGINT) END", "true", None, "a whole number from 0")


def by_map(classes: dict[str, int], names: tuple[str, ...]) -> Labels:
    """Labels are the keys of `classes`, which has their class numbers."""
    cases = " ".join(f"WHEN {literal(value)} THEN {number}" for value, number in classes.items())
    known = ", ".join(map(literal, classes))
    return Labels(
        f"CAST(CASE trim(label) {cases} END AS BIGINT)",
        f"(coalesce(trim(label), '') = '' OR trim(label) IN ({known}))",
        names,
        f"one of {', '.join(classes)}",
    )


def read_map(mapping: dict[str, Any], names: tuple[str, ...] | None) -> tuple[dict[str, int], tuple[str, ...]]:
    """Parse --label-map; returns the class number of each label, and the class names.

    The values of the map are class numbers or class names. Names are numbered in the order of `names`
    (--label-names), else in the order in which they first appear.

    Raises:
        UserError: the map mixes numbers and names, has gaps, or does not match `names`.
    """
    shown = json.dumps(mapping, ensure_ascii=False)
    targets = list(mapping.values())
    if all(isinstance(target, int) and not isinstance(target, bool) for target in targets):
        numbers = dict(mapping)
        if names is None:
            count = max(targets, default=-1) + 1
            names = BINARY_NAMES if count == len(BINARY_NAMES) else tuple(map(str, range(count)))
    elif all(isinstance(target, str) for target in targets):
        order = names or tuple(dict.fromkeys(targets))
        if unknown := next((target for target in targets if target not in order), None):
            raise UserError(f"option --label-map has the class {unknown!r}, expected one of --label-names")
        numbers, names = {value: order.index(target) for value, target in mapping.items()}, order
    else:
        raise UserError(f"option --label-map is {shown}, expected class numbers only or class names only")
    if len(names) < 2 or set(numbers.values()) != set(range(len(names))):
        raise UserError(f"option --label-map is {shown}, expected every class from 0 to n - 1, with n of 2 or more")
    return {str(value): number for value, number in numbers.items()}, names


def numbered_names(rows_by_class: dict[int, int], column: str) -> tuple[str, ...]:
    """Class names where the classes are the numbers in the data: "0", "1", ...

    Args:
        rows_by_class: number of rows by class number.
        column: name of the label column, for the error.

    Raises:
        UserError: there is one class only, or a number between 0 and the largest has no row.
    """
    numbers = sorted(rows_by_class)
    if numbers != list(range(len(numbers))) or len(numbers) < 2:
        raise UserError(
            f"label column {column} has the numbers {', '.join(map(str, numbers[:10]))}, expected 0 to n - 1 without "
            "gaps and n of 2 or more; --label-threshold or --label-map convert other values"
        )
    return tuple(map(str, numbers))
