"""Labels that are not classes, computed by DuckDB."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from processing.rows import label_vectors
from processing.rows.labels import Labels
from processing.sql import literal


def computed(rule: Labels, *labels: str | None) -> list[tuple[Any, Any]]:
    """Whether each label is missing or not understood, and what is written for it."""
    values = ", ".join(f"({'NULL' if label is None else literal(label)})" for label in labels)
    query = f"SELECT ({rule.missing}) OR ({rule.number}) IS NULL, {rule.value} FROM (VALUES {values}) AS rows(label)"
    return duckdb.connect().execute(query).fetchall()


def test_numbers_are_finite() -> None:
    found = computed(label_vectors.numbers(None), "0.5", " -3 ", "nan", "inf", "x", None)
    assert [wrong for wrong, _ in found] == [False, False, True, True, True, True]
    assert [value for _, value in found[:2]] == [0.5, -3.0]
    assert label_vectors.numbers(None).names == ("LABEL_0",)


def test_several_labels_become_0_or_1_for_each() -> None:
    rule = label_vectors.by_delimiter(("it's", "b"), "|")
    assert computed(rule, "b | it's", "b", "", None) == [
        (False, [1.0, 1.0]),
        (False, [0.0, 1.0]),
        (False, [0.0, 0.0]),
        (False, [0.0, 0.0]),
    ]
    assert computed(rule, "b|c")[0][0] is True


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("1", "0.0"), (False, [1.0, 0.0])),
        (("false", "True"), (False, [0.0, 1.0])),
        (("0", "0"), (False, [0.0, 0.0])),
        (("2", "0"), (True, [0.0, 0.0])),
        (("1", None), (True, [0.0, 0.0])),
    ],
)
def test_columns_of_0_and_1_are_one_label_each(
    flags: tuple[str | None, ...], expected: tuple[bool, list[float]]
) -> None:
    values = ", ".join(f"{'NULL' if flag is None else literal(flag)} AS f{place}" for place, flag in enumerate(flags))
    label = (
        duckdb.connect()
        .execute(f"SELECT {label_vectors.joined(('a', 'b'), 'f')} FROM (SELECT {values})")
        .fetchall()[0][0]
    )
    assert computed(label_vectors.by_columns(("a", "b")), label) == [expected]
