"""Rules for labels of raw text that processing and training share: their number, their order, texts that are none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

# More values are identifiers or amounts rather than classes.
MOST_CLASSES = 1_000
# More different numbers with fractions are for regression.
MOST_FRACTIONS = 30
# transformers' own name for the one output of a regression model.
NUMBER_NAME = "LABEL_0"
# What 0 and 1 for each of several labels may be, in lower case.
TRUE, FALSE = ("1", "1.0", "true"), ("0", "0.0", "false")
WHOLE_NUMBER = re.compile(r"-?[0-9]+")
DECIMAL_COMMA = re.compile(r"[-+]?[0-9]*,[0-9]+")
# A list of numbers, or of texts in quotes, as Python and JSON write it.
LIST_TEXT = re.compile(r"\[\s*(?:[-+0-9][-+0-9., ]*|(['\"]).*\1)\s*\]", re.DOTALL)


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """The different `names` of labels as every host and image numbers them: whole numbers by value, else as text."""
    found = set(names)
    if all(WHOLE_NUMBER.fullmatch(name) for name in found):
        return tuple(sorted(found, key=lambda name: (int(name), name)))
    return tuple(sorted(found))


def unlike_classes(rows: Mapping[str, int]) -> str:
    """What the labels of most rows look like where that is no class name; empty for any other labels.

    Args:
        rows: number of rows by label, whose text has no space around it.
    """
    for pattern, found in (
        (DECIMAL_COMMA, "numbers with commas, as in 0,5"),
        (LIST_TEXT, "lists written as text, as in ['a', 'b']"),
    ):
        if 2 * sum(count for label, count in rows.items() if pattern.fullmatch(label)) > sum(rows.values()):
            return found
    return ""
