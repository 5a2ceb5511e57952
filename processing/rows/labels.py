"""SQL that converts labels to class numbers (by threshold, map, condition or their values), and the class names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from contract.card import SINGLE_LABEL
from contract.failures import UserError
from contract.labels import MOST_CLASSES, MOST_FRACTIONS
from processing.options import ProcessingOptions
from processing.sql import literal

BINARY_NAMES = ("NEGATIVE", "POSITIVE")
TRUTH = frozenset({"true", "false"})
# DOUBLE has 53 bits: from here on different whole numbers are the same DOUBLE.
MOST_EXACT = 2**53


@dataclass(frozen=True)
class LabelValue:
    """A value of the label column: its text, and the number that DuckDB reads in it, if any."""

    text: str
    number: float | None

    @property
    def is_number(self) -> bool:
        """Whether it is a finite number."""
        return self.number is not None and isfinite(self.number)

    @property
    def exact(self) -> Decimal:
        """The number with all digits of the text, which can be more than those of `number`; it must be a number."""
        try:
            return Decimal(self.text)
        except InvalidOperation:
            return Decimal(self.number or 0)


@dataclass(frozen=True)
class Labels:
    """The rule that converts a label to a class number.

    Attributes:
        number: SQL for the class number (BIGINT) over the text column `label`; NULL for an invalid label.
        known: SQL condition: the label is one of the configured values, or is missing.
        names: class names in order; None if they are to be derived from the data.
        expected: the expected labels in words, for errors.
        is_labelled: whether rows have labels.
        value: SQL for what is written as the label, FLOAT or FLOAT[]; empty for the class number.
        problem_type: as in contract.card.
        missing: SQL condition: the row has no label.
        repeated: SQL condition: a row has one of its labels several times; empty where that cannot be.
    """

    number: str
    known: str
    names: tuple[str, ...] | None
    expected: str
    is_labelled: bool = True
    value: str = ""
    problem_type: str = SINGLE_LABEL
    missing: str = "coalesce(trim(label), '') = ''"
    repeated: str = ""


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
        found = by_map(numbers | named, options.label_names)
        return replace(found, expected=f"{found.expected}; --label-map says the class of each other value")
    # Derived from the data by reading/label_values.py.
    return any_text()


def by_threshold(threshold: float, names: tuple[str, ...]) -> Labels:
    """Labels are numbers: class 1 from `threshold` on, else class 0."""
    value = "TRY_CAST(label AS DOUBLE)"
    number = f"CASE WHEN isfinite({value}) THEN CAST({value} >= CAST({threshold!r} AS DOUBLE) AS BIGINT) END"
    return Labels(number, "true", names, "a number")


def any_text() -> Labels:
    """Every label that is not missing counts as class 0, to find the values that there are."""
    return Labels("CAST(0 AS BIGINT)", "true", None, "text")


def by_map(classes: dict[str, int], names: tuple[str, ...]) -> Labels:
    """Labels are the keys of `classes`, which has their class numbers: as text, else as the same number or truth value.

    So the key 5 also means 5.0 and 05, and true also means True; a key of the same text takes precedence. Numbers from
    2**53 on are told apart as text alone.
    """
    numeric = {
        number: place
        for value, place in reversed(classes.items())
        # Another whole number could be the same DOUBLE.
        if (number := as_number(value)) is not None and abs(number) < MOST_EXACT
    }
    truth = {value.lower(): place for value, place in classes.items() if value.lower() in TRUTH}
    sql = (
        f"CAST(coalesce({case('trim(label)', {literal(value): place for value, place in classes.items()})}, "
        f"{case('TRY_CAST(label AS DOUBLE)', {f'{value!r}::DOUBLE': place for value, place in numeric.items()})}, "
        f"{case('lower(trim(label))', {literal(value): place for value, place in truth.items()})}) AS BIGINT)"
    )
    known = f"(coalesce(trim(label), '') = '' OR {sql} IS NOT NULL)"
    return Labels(sql, known, names, f"one of {', '.join(classes)}")


def case(value: str, places: Mapping[str, int]) -> str:
    """SQL for the class number of `value`, by SQL literals; NULL for another one."""
    if not places:
        return "NULL"
    return f"CASE {value} {' '.join(f'WHEN {key} THEN {place}' for key, place in places.items())} END"


def as_number(text: str) -> float | None:
    """The finite number that `text` is; None if it is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def derived(rows: Mapping[LabelValue, int], column: str) -> Labels:
    """The rule for labels of which no option says what they are: one class for each value, in sorted order.

    If most rows have a number, classes are numbers (5.0 is 5), and other labels are not understood. Else they are the
    texts; true and false in any case are one class each.

    Args:
        rows: number of rows by value; without rows the rule has no classes.

    Raises:
        UserError: there is one class only, more than MOST_CLASSES, or more than MOST_FRACTIONS numbers with fractions.
    """
    refuse_fractions(rows, column)
    numeric = sum(count for value, count in rows.items() if value.is_number)
    if 2 * numeric > sum(rows.values()):
        names, place = numbered(rows)
    else:
        is_truth = {value.text.lower() for value in rows} <= TRUTH
        names = tuple(sorted({value.text.lower() if is_truth else value.text for value in rows}))
        text = "lower(trim(label))" if is_truth else "trim(label)"
        place = case(text, {literal(name): index for index, name in enumerate(names)})
    if rows and not 2 <= len(names) <= MOST_CLASSES:
        found = "one value only" if len(names) == 1 else f"more than {MOST_CLASSES} different values"
        raise UserError(
            f"label column {column} has {found}, expected 2 to {MOST_CLASSES} classes; --label-threshold, --label-map "
            "and --label-expression make classes of other values, --label-names names those that a file may lack"
        )
    return Labels(f"CAST({place} AS BIGINT)", "true", names, "one of the values")


def numbered(rows: Iterable[LabelValue]) -> tuple[tuple[str, ...], str]:
    """The names of classes that are numbers, in their order, and SQL for the class number of a label."""
    texts: dict[Decimal, list[str]] = {}
    for value in rows:
        if value.is_number:
            texts.setdefault(value.exact, []).append(value.text)
    numbers = sorted({value.number for value in rows if value.is_number and value.number is not None})
    if len(numbers) == len(texts):
        place = case("TRY_CAST(label AS DOUBLE)", {f"{number!r}::DOUBLE": i for i, number in enumerate(numbers)})
        return tuple(map(number_name, numbers)), place
    # Numbers that differ are the same DOUBLE: every text for itself.
    spellings = [texts[number] for number in sorted(texts)]
    names = tuple(min(same, key=lambda text: (len(text), text)) for same in spellings)
    return names, case("trim(label)", {literal(text): i for i, same in enumerate(spellings) for text in same})


def number_name(number: float) -> str:
    """The name of the class of a number: 5 for 5.0, and all digits that tell it from others."""
    return str(int(number)) if number.is_integer() and abs(number) < MOST_EXACT else repr(number)


def refuse_fractions(rows: Mapping[LabelValue, int], column: str) -> None:
    """Raises UserError: most of the values are numbers with fractions, and more than classes such as grades have."""
    found = {value.number for value in rows if value.is_number and value.number is not None}
    fractions = sum(not number.is_integer() for number in found)
    if fractions > MOST_FRACTIONS and 2 * fractions > len(rows):
        raise UserError(
            f"label column {column} has {fractions} different numbers with fractions, expected at most "
            f"{MOST_FRACTIONS} as classes; --problem-type regression takes numbers, --label-threshold makes classes of "
            "them"
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
