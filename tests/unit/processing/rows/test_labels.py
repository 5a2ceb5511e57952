"""Conversion of labels to class numbers, evaluated by DuckDB."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tokenizers import Tokenizer
from unit.processing.jobs import Write, as_tsv, rows, run, table

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.rows.labels import Labels, LabelValue, derived, labels
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


def values(rows: dict[str, int]) -> dict[LabelValue, int]:
    found = duckdb.execute("SELECT v, TRY_CAST(v AS DOUBLE) FROM (SELECT unnest(?) AS v)", [list(rows)]).fetchall()
    return {LabelValue(text, number): rows[text] for text, number in found}


@pytest.mark.parametrize("others", [{}, {"none": 400}])
def test_many_numbers_with_fractions_are_no_classes(others: dict[str, int]) -> None:
    most = {f"{n}.5": 1 for n in range(30)} | others
    assert len(derived(values(most), "label").names or ()) == len(most)
    with pytest.raises(UserError, match="label has 31 different numbers with fractions, expected at most 30"):
        derived(values({**most, "30.25": 1}), "label")


@pytest.mark.parametrize(
    ("rows", "names", "labels_to_numbers"),
    [
        ({"0": 5, "1": 5}, ("0", "1"), {"1": 1, " 0 ": 0}),
        ({"1": 1, "2": 1, "10": 1, "5.0": 1, "5": 1}, ("1", "2", "5", "10"), {"5.0": 2, "05": 2, "10": 3, "3": None}),
        ({"-1": 5, "0.5": 5, "1e0": 5}, ("-1", "0.5", "1"), {"0.50": 1, "1": 2}),
        ({"1": 5, "2": 5, "n/a": 1, "nan": 1}, ("1", "2"), {"n/a": None, "nan": None, "2.0": 1}),
        ({"spam": 5, "Ham": 9, "1": 1}, ("1", "Ham", "spam"), {"spam": 2, " Ham ": 1, "ham": None, "1.0": None}),
        ({"True": 5, "false": 5, "TRUE": 1}, ("false", "true"), {"tRue": 1, "False": 0}),
        (
            {"9007199254740993": 5, "9007199254740992": 5, "3": 1, "3.0": 1, "n/a": 1},
            ("3", "9007199254740992", "9007199254740993"),
            {"9007199254740992": 1, " 9007199254740993 ": 2, "3.0": 0, "3": 0, "n/a": None},
        ),
        ({f"1{'0' * 30}": 5, f"1{'0' * 29}1": 5}, (f"1{'0' * 30}", f"1{'0' * 29}1"), {f"1{'0' * 29}1": 1}),
        (
            {"1234567890123457": 5, "1234567890123456": 5},
            ("1234567890123456", "1234567890123457"),
            {"1234567890123457.0": 1},
        ),
    ],
)
def test_labels_without_an_option_are_classes_in_sorted_order(
    rows: dict[str, int], names: tuple[str, ...], labels_to_numbers: dict[str, int | None]
) -> None:
    rule = derived(values(rows), "label")
    assert rule.names == names
    assert numbers(rule, list(labels_to_numbers)) == list(labels_to_numbers.values())


@pytest.mark.parametrize(
    ("rows", "words"),
    [({"3": 4, "3.0": 1}, "one value only"), ({str(n): 1 for n in range(1001)}, "more than 1000 different values")],
)
def test_labels_that_are_no_classes_are_refused_with_the_remedy(rows: dict[str, int], words: str) -> None:
    with pytest.raises(UserError, match=f"^label column stars has {words}, expected 2 to 1000 classes; --label-thr"):
        derived(values(rows), "stars")


def test_keys_of_a_map_are_numbers_and_truth_values_too() -> None:
    rule = labels(ProcessingOptions(label_map={"5": 1, "1.50": 0, "05": 2, "true": 3}))
    assert numbers(rule, ["5", "5.0", "+5", "05", "1.5", "True", " 5 ", "6", "x"]) == [1, 1, 1, 2, 0, 3, 1, None, None]
    assert known(rule, ["5.0", "TRUE", "6", "", None]) == [True, True, False, True, True]


def test_a_key_of_a_map_that_is_a_large_number_means_no_other_number() -> None:
    rule = labels(ProcessingOptions(label_map={"9007199254740992": 0, "7": 1}))
    assert numbers(rule, ["9007199254740992", "9007199254740993", "7.0"]) == [0, None, 1]
    assert known(rule, ["9007199254740993"]) == [False]


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


def test_an_expression_can_be_the_text_and_the_label(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    data = table(100)
    options: dict[str, Any] = {
        "text_expression": "'the ' || id || '. ' || replace(text, 'film', 'movie')",
        "label_expression": "CASE WHEN label > 3 THEN 'good' WHEN label < 3 THEN 'bad' END -- none for 3",
        "columns": ("id", "text", "label"),
    }
    report = run(
        tmp_path, input=str(written("a.tsv", as_tsv(data))), tokenizer=str(wordpiece), max_rejects=None, **options
    )
    assert report["rows"]["rejected"] == {"no label": 20}
    found = {row[0]: row[1:] for split in SPLITS for row in rows(tmp_path, split, ("id", "labels", "input_ids"))}
    tokenizer = Tokenizer.from_file(str(wordpiece))
    tokenizer.no_padding()
    tokenizer.enable_truncation(8)
    expected = {}
    for i, text, label in data:
        if label != "3":
            ids = tokenizer.encode(f"the {i}. " + text.replace("film", "movie")).ids
            expected[i] = (str(int(label > "3")), str(ids))
    assert found == expected


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
