"""Rules for labels that processing and training share."""

from __future__ import annotations

import pytest

from contract.labels import ordered, unlike_classes


def test_whole_numbers_are_ordered_by_value_and_other_names_as_text() -> None:
    assert ordered(["10", "-1", "2", "2"]) == ("-1", "2", "10")
    assert ordered(["10", "2", "b", "B"]) == ("10", "2", "B", "b")


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("0,5", "numbers with commas"),
        ("-,125", "numbers with commas"),
        ("['a', 'b']", "lists written as text"),
        ('["a"]', "lists written as text"),
        ("[1, 2]", "lists written as text"),
        ("[POS]", ""),
        ("0.5", ""),
        ("a, b", ""),
    ],
)
def test_labels_that_are_no_class_names(label: str, found: str) -> None:
    assert unlike_classes({label: 3, "x": 2}).startswith(found) and bool(found) == bool(unlike_classes({label: 3}))
    assert unlike_classes({label: 2, "x": 2}) == "" == unlike_classes({})
