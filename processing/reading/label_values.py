"""Pass over all files for the values of the label column or the split column, where no option says what they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from processing.reading.query import Plan, decided
from processing.reading.reader import FileReader
from processing.rows.filters import Outcome
from processing.rows.labels import MOST_CLASSES, Labels, LabelValue, any_text, derived


def derived_labels(readers: Iterable[FileReader], column: str) -> Labels:
    """The label rule for the values of the rows that would be kept; `column` names the labels in errors.

    Every host reads all rows of replicated input, so that all derive the same rule.

    Raises:
        UserError: the values are no classes, or a file cannot be read.
    """
    rows: Counter[LabelValue] = Counter()
    for reader in readers:
        plan = replace(reader.plan, labels=any_text(), host=0, hosts=1)
        # Of more values than there can be classes, the rest does not matter.
        values = (
            "SELECT trim(label), TRY_CAST(label AS DOUBLE), count(*) FROM ({}) "
            f"WHERE outcome = {int(Outcome.KEPT)} GROUP BY ALL LIMIT {MOST_CLASSES + 1}"
        )
        for text, number, count in fetched(reader, plan, values):
            rows[LabelValue(text, number)] += count
        if len(rows) > MOST_CLASSES:
            break
    return derived(rows, column)


def present_splits(readers: Iterable[FileReader]) -> frozenset[int]:
    """Indices in SPLITS of the splits that the split column has, in rows of any outcome; the same on every host."""
    found: set[int] = set()
    for reader in readers:
        plan = replace(reader.plan, labels=any_text(), host=0, hosts=1)
        rows = fetched(reader, plan, "SELECT DISTINCT given FROM ({}) WHERE given IS NOT NULL")
        found |= {given for (given,) in rows}
    return frozenset(found)


def fetched(reader: FileReader, plan: Plan, query: str) -> list[Any]:
    """The rows of `query`, in which {} stands for the rows of the reader's file with their outcome by `plan`."""
    return reader.fetched(lambda file: query.format(decided(plan, file, reader.columns)))
