"""Pass over all files for the values of the label column or the split column, where no option says what they are."""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, replace
from typing import Any

from contract.card import SINGLE_LABEL
from contract.failures import UserError
from contract.labels import FALSE, MOST_CLASSES, TRUE, ordered, unlike_classes
from processing.exchange import Exchange
from processing.reading.query import Plan, decided
from processing.reading.reader import FileReader
from processing.rows.filters import Outcome
from processing.rows.label_vectors import by_flags, by_lists, numbers, parts, parts_of_list
from processing.rows.labels import Labels, LabelValue, any_text, derived

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
        plan = replace(reader.plan.undivided, labels=any_text())
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
    if not is_single:
        refuse_unlike_classes(rows, column)
    return derived(rows, column)


def refuse_unlike_classes(rows: Counter[LabelValue], column: str) -> None:
    """Raises UserError: most labels are numbers with commas, or lists that a csv writer has turned to text."""
    counts: Counter[str] = Counter()
    for value, count in rows.items():
        counts[value.text] += count
    if found := unlike_classes(counts):
        raise UserError(
            f"label column {column} has {found}; expected --label-expression that makes numbers or names of them, "
            f"--label-delimiter for several labels, or --problem-type {SINGLE_LABEL} if they are classes"
        )


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
        query = f"SELECT DISTINCT unnest({escaped(parts(delimiter))}) FROM ({{}}) WHERE outcome = {int(Outcome.KEPT)}"
        names |= {name for (name,) in fetched(reader, reader.plan.undivided, f"{query} LIMIT {MOST_CLASSES + 1}")}
    names = set().union(*exchange.values("names of labels", sorted(names)))
    refuse_count(names, column)
    return ordered(names)


def refuse_count(names: set[str], column: str) -> None:
    """Raises UserError: there are no names of several labels, or too many."""
    if not 1 <= len(names) <= MOST_CLASSES:
        found = "no labels" if not names else f"more than {MOST_CLASSES} different labels"
        raise UserError(f"label column {column} has {found}, expected 1 to {MOST_CLASSES}; --label-names names them")


def list_labels(
    readers: Iterable[FileReader], names: tuple[str, ...] | None, column: str, exchange: Exchange
) -> Labels:
    """The label rule for lists of labels in rows that would be kept, the same on every host.

    Lists of 0 or 1 for each label are told by their values and their equal length, as training does.

    Args:
        names: of the labels (--label-names); None for those that occur, or of lists of 0 and 1 numbers.

    Raises:
        UserError: there are no labels, too many, or 0 and 1 for different numbers of labels.
    """
    different = "len(list_distinct(list_transform(parts, lambda part: lower(part))))"
    in_lists = f"SELECT {escaped(parts_of_list())} AS parts FROM ({{}}) WHERE outcome = {int(Outcome.KEPT)}"
    sized = f"SELECT parts, len(parts) AS size, {different} < len(parts) AS repeats FROM ({in_lists})"
    labels = f"SELECT unnest(CASE WHEN size = 0 THEN [NULL] ELSE parts END) AS name, size, repeats FROM ({sized})"
    query = (
        f"SELECT name, min(size), max(size), bool_or(repeats) FROM ({labels}) GROUP BY name LIMIT {MOST_CLASSES + 3}"
    )
    own = [row for reader in readers for row in fetched(reader, reader.plan.undivided, query)]
    rows = list(itertools.chain.from_iterable(exchange.values("labels of lists", own)))
    found = {name for name, *_ in rows} - {None, ""}
    sizes = {size for _, least, most, _ in rows for size in (least, most)}
    if names is None:
        refuse_count(found, column)
    width = len(names or ()) or max(sizes, default=0)
    if width < 2 or not found or not {name.lower() for name in found} <= {*TRUE, *FALSE}:
        return by_lists(names or ordered(found))
    if sizes == {width}:
        return by_flags(names or tuple(map(str, range(width))))
    if any(has_repeats for *_, has_repeats in rows):
        raise UserError(
            f"label column {column} has lists of {min(sizes)} to {max(sizes)} values of 0 or 1; expected a value for "
            f"each of {width} labels"
        )
    return by_lists(names or ordered(found))


def present_splits(readers: Iterable[FileReader], exchange: Exchange) -> frozenset[int]:
    """Indices in SPLITS of the splits that the split column has, in rows of any outcome; the same on every host."""
    found: set[int] = set()
    for reader in readers:
        plan = replace(reader.plan.undivided, labels=any_text())
        rows = fetched(reader, plan, "SELECT DISTINCT given FROM ({}) WHERE given IS NOT NULL")
        found |= {given for (given,) in rows}
    return frozenset().union(*exchange.values("splits of the split column", sorted(found)))


def escaped(sql: str) -> str:
    """`sql` for the query of `fetched`: it has braces, and a delimiter may be one."""
    return sql.replace("{", "{{").replace("}", "}}")


def fetched(reader: FileReader, plan: Plan, query: str) -> list[Any]:
    """The rows of `query`, in which {} stands for the rows of the reader's file with their outcome by `plan`."""
    return reader.fetched(lambda file: query.format(decided(plan, file, reader.columns)))
