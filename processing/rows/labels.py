"""SQL from label values to class numbers: by threshold, by map, by condition, or as they are; class names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.sql import literal

BINARY_NAMES = ("NEGATIVE", "POSITIVE")
# Whole numbers above this are ratings in cents or identifiers, not classes.
MOST_CLASSES = 1000


@dataclass(frozen=True)
class Labels:
    """How a label's text becomes a class number.

    Attributes:
        number: SQL for the class number (BIGINT) over the text column `label`; NULL where it has none.
        known: SQL, true where the label is a value the job was told of, or is not there at all.
        names: class names in order; None where the classes are the numbers that turn up.
        expected: what a label should have been, for messages.
        there: whether rows have labels at all.
    """

    number: str
    known: str
    names: tuple[str, ...] | None
    expected: str
    there: bool = True


def labels(options: ProcessingOptions) -> Labels:
    """The rule that `options` ask for.

    Raises:
        UserError: the map is empty, or its classes and --label-names do not fit.
    """
    if options.unlabelled:
        return Labels("CAST(NULL AS BIGINT)", "true", (), "none", there=False)
    if options.positive_where is not None:
        # The query turns the condition into the label's text.
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
    return as_they_are()


def by_threshold(threshold: float, names: tuple[str, ...]) -> Labels:
    """Class 1 where the label is a number of at least `threshold`, else class 0."""
    value = "TRY_CAST(label AS DOUBLE)"
    number = f"CASE WHEN isfinite({value}) THEN CAST({value} >= CAST({threshold!r} AS DOUBLE) AS BIGINT) END"
    return Labels(number, "true", names, "a number")


def as_they_are() -> Labels:
    """Whole numbers from 0, unchanged."""
    value = "TRY_CAST(label AS DOUBLE)"
    whole = f"{value} BETWEEN 0 AND {MOST_CLASSES - 1} AND {value} = floor({value})"
    return Labels(f"CASE WHEN {whole} THEN CAST({value} AS BIGINT) END", "true", None, "a whole number from 0")


def by_map(classes: dict[str, int], names: tuple[str, ...]) -> Labels:
    cases = " ".join(f"WHEN {literal(value)} THEN {number}" for value, number in classes.items())
    known = ", ".join(map(literal, classes))
    return Labels(
        f"CAST(CASE trim(label) {cases} END AS BIGINT)",
        f"(coalesce(trim(label), '') = '' OR trim(label) IN ({known}))",
        names,
        f"one of {', '.join(classes)}",
    )


def read_map(mapping: dict[str, Any], names: tuple[str, ...] | None) -> tuple[dict[str, int], tuple[str, ...]]:
    """Class number of each label value, and the class names.

    The map's own values are class numbers, or class names; names are numbered as `names` has
    them, else as they first appear.

    Raises:
        UserError: numbers and names are mixed, leave gaps, or are not those of `names`.
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
        if stranger := next((target for target in targets if target not in order), None):
            raise UserError(f"option --label-map has the class {stranger!r}, expected one of --label-names")
        numbers, names = {value: order.index(target) for value, target in mapping.items()}, order
    else:
        raise UserError(f"option --label-map is {shown}, expected class numbers only or class names only")
    if len(names) < 2 or set(numbers.values()) != set(range(len(names))):
        raise UserError(f"option --label-map is {shown}, expected every class from 0 to n - 1, with n of 2 or more")
    return {str(value): number for value, number in numbers.items()}, names


def numbered_names(rows_by_class: dict[int, int], column: str) -> tuple[str, ...]:
    """Names of classes that are the numbers that turned up.

    Raises:
        UserError: there is one class only, or a number between 0 and the largest has no row.
    """
    found = sorted(rows_by_class)
    if found != list(range(len(found))) or len(found) < 2:
        raise UserError(
            f"label column {column} holds the numbers {', '.join(map(str, found[:10]))}, expected 0 to n - 1 with no "
            "gap and n of 2 or more; --label-threshold or --label-map make classes of other values"
        )
    return tuple(map(str, found))
