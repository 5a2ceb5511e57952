"""Pass over all files for the values of the label column or the split column, where no option says what they are."""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, replace
from typing import Any

from contract.failures import UserError
from processing.exchange import Exchange
from processing.reading.query import Plan, decided
from processing.reading.reader import FileReader
from processing.rows.filters import Outcome
from processing.rows.label_vectors import numbers, parts
from processing.rows.labels import MOST_CLASSES, Labels, LabelValue, any_text, derived

log = logging.getLogger(__name__)


def derived_labels(readers: Iterable[FileReader], column: str, exchange: Exchange, is_single: bool = False) -> Labels:
    """The label rule for the values of the rows that would be kept; `column` names the labels in errors.

    Numbers with fractions are for regression, unless `is_single` says that they are classes.

    Every host reads all rows of replicated input, or gets what others find, so that all derive the same rule.

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
    found = exchange.values("values of the label column", [[*astuple(value), count] for value, count in rows.items()])
    rows = Counter()
    for text, number, count in itertools.chain.from_iterable(found):
        rows[LabelValue(text, number)] += count
    if not is_single and is_regression(rows):
        log.info("label column %s has numbers with fractions: problem_type = regression", column)
        return numbers(None)
    return derived(rows, column)


def is_regression(rows: Counter[LabelValue]) -> bool:
    """Whether most rows have a number, of which some have fractions."""
    found = {value.number: count for value, count in rows.items() if value.is_number and value.number is not None}
    return 2 * sum(found.values()) > sum(rows.values()) and any(not number.is_integer() for number in found)


def present_names(readers: Iterable[FileReader], delimiter: str, column: str, exchange: Exchange) -> tuple[str, ...]:
    """The names of several labels that occur in rows that would be kept, sorted; the same on every host.

    Raises:
        UserError: there are none, or too many.
    """
    names: set[str] = set()
    for reader in readers:
        # The delimiter may be a brace.
        names_of = parts(delimiter).replace("{", "{{").replace("}", "}}")
        query = f"SELECT DISTINCT unnest({names_of}) FROM ({{}}) WHERE outcome = {int(Outcome.KEPT)}"
        plan = replace(reader.plan, host=0, hosts=1)
        names |= {name for (name,) in fetched(reader, plan, f"{query} LIMIT {MOST_CLASSES + 1}")}
    names = set().union(*exchange.values("names of labels", sorted(names)))
    if not 1 <= len(names) <= MOST_CLASSES:
        found = "no labels" if not names else f"more than {MOST_CLASSES} different labels"
        raise UserError(f"label column {column} has {found}, expected 1 to {MOST_CLASSES}; --label-names names them")
    return tuple(sorted(names))


def present_splits(readers: Iterable[FileReader], exchange: Exchange) -> frozenset[int]:
    """Indices in SPLITS of the splits that the split column has, in rows of any outcome; the same on every host."""
    found: set[int] = set()
    for reader in readers:
        plan = replace(reader.plan, labels=any_text(), host=0, hosts=1)
        rows = fetched(reader, plan, "SELECT DISTINCT given FROM ({}) WHERE given IS NOT NULL")
        found |= {given for (given,) in rows}
    return frozenset().union(*exchange.values("splits of the split column", sorted(found)))


def fetched(reader: FileReader, plan: Plan, query: str) -> list[Any]:
    """The rows of `query`, in which {} stands for the rows of the reader's file with their outcome by `plan`."""
    return reader.fetched(lambda file: query.format(decided(plan, file, reader.columns)))
