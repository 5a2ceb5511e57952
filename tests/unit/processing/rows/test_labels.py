"""Conversion of labels to class numbers, evaluated by DuckDB."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from unit.processing.jobs import Write, as_tsv, rows, run, table

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.rows.labels import Labels, labels, numbered_names
from processing.rows.split import SPLITS


def numbers(rule: Labels, values: list[str | None]) -> list[int | None]:
    query = f"SELECT {rule.number} FROM (SELECT CAST(unnest(?) AS VARCHAR) AS label)"
    return [number for (number,) in duckdb.connect().execute(query, [values]).fetchall()]


def known(rule: Labels, values: list[str | None]) -> list[bool]:
    query = f"SELECT {rule.known} FROM (SELECT CAST(unnest(?) AS VARCHAR) AS label)"
    return [found for (found,) in duckdb.connect().execute(query, [values]).fetchall()]


def test_a_threshold_belongs_to_the_upper_class() -> None:
    rule = labels(ProcessingOptions(label_threshold=4.0))
    assert numbers(rule, ["4", "3.99", " 5 ", "-1", "1e1", "", None, "x", "nan", "inf"]) == [
        1, 0, 1, 0, 1, None, None, None, None, None,
    ]  # fmt: skip
    assert rule.names == ("NEGATIVE", "POSITIVE")


def test_whole_numbers_stay_as_they_are() -> None:
    rule = labels(ProcessingOptions())
    assert numbers(rule, ["0", "2", "3.0", "2.5", "-1", "100000", "x"]) == [0, 2, 3, None, None, None, None]
    assert rule.names is None


def test_a_map_names_classes_or_numbers_them() -> None:
    by_name = labels(ProcessingOptions(label_map={"1": "bad", "2": "bad", "it's": "good"}))
    assert by_name.names == ("bad", "good")
    assert numbers(by_name, ["1", "2", "it's", "3"]) == [0, 0, 1, None]
    assert known(by_name, ["1", "", None, "3"]) == [True, True, True, False]
    by_number = labels(ProcessingOptions(label_map={"n": 1, "p": 0}, label_names=("P", "N")))
    assert (by_number.names, numbers(by_number, ["n", "p"])) == (("P", "N"), [1, 0])


def test_names_alone_are_a_map_of_themselves_and_their_numbers() -> None:
    rule = labels(ProcessingOptions(label_names=("bad", "good")))
    assert numbers(rule, ["good", "0", "1"]) == [1, 0, 1]
    assert known(rule, ["2", "good"]) == [False, True]


@pytest.mark.parametrize(
    ("mapping", "names"),
    [
        ({}, None),
        ({"a": 0, "b": 2}, None),
        ({"a": 0, "b": "x"}, None),
        ({"a": 0}, None),
        ({"a": "x", "b": "y"}, ("x", "z")),
        ({"a": 0, "b": 1}, ("x", "y", "z")),
        ({"a": True, "b": False}, None),
    ],
)
def test_a_map_with_gaps_is_refused(mapping: dict[str, Any], names: tuple[str, ...] | None) -> None:
    with pytest.raises(UserError, match="--label-map"):
        labels(ProcessingOptions(label_map=mapping, label_names=names))


def test_class_numbers_in_the_data_must_have_no_gaps() -> None:
    assert numbered_names({1: 3, 0: 5}, "label") == ("0", "1")
    for counts in ({1: 3, 5: 3}, {0: 3}, {}):
        with pytest.raises(UserError, match="label column stars"):
            numbered_names(counts, "stars")


def test_a_condition_can_be_the_label(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    data = [*table(200), ["x", "no stars here", ""]]
    options = {"positive_where": "label >= 4 -- stars\n", "columns": ("id", "label"), "tokenizer": str(wordpiece)}
    report = run(tmp_path, input=str(written("a.tsv", as_tsv(data))), **options)
    assert (report["rows"]["kept"], report["rows"]["rejected"]) == (200, {"no label": 1})
    for split in SPLITS:
        for label, number in rows(tmp_path, split, ("label", "labels")):
            assert number == str(int(int(label) >= 4))
    card = json.loads((tmp_path / "processing/train/card.json").read_text())
    assert card["label_names"] == ["NEGATIVE", "POSITIVE"]
