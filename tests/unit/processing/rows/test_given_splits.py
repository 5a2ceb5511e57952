"""Splits that the input has already, by names and by values."""

from __future__ import annotations

import duckdb
import pytest

from contract.failures import UserError
from processing.options import ProcessingOptions
from processing.rows.given_splits import GivenSplits, by_files, by_name, given_splits, given_sql, kept_split_sql

TRAIN, VALIDATION, TEST = range(3)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.csv", TRAIN),
        ("data/train-00000-of-00002.parquet", TRAIN),
        ("reviews_test.jsonl.gz", TEST),
        ("Dev.tsv", VALIDATION),
        ("test/part-0.csv", TEST),
        ("train/extra/part-0.csv", TRAIN),
        ("test/train.csv", TRAIN),
        ("trainer.csv", None),
        ("my train set of 2019.csv", None),
        ("a/b/c.csv", None),
    ],
)
def test_a_file_names_a_split(name: str, split: int | None) -> None:
    assert by_name(name) == split


@pytest.mark.parametrize(
    ("given", "names", "present"),
    [
        ({}, ["train.csv", "test.csv"], {TRAIN, TEST}),
        ({}, ["train.csv", "more_train.csv"], set()),
        ({}, ["validation.csv", "test.csv"], set()),
        ({}, ["train.csv", "test.csv", "others.csv"], set()),
        ({"given_splits": "ignore"}, ["train.csv", "test.csv"], set()),
        ({"given_splits": "keep"}, ["train.csv"], {TRAIN}),
        ({"split_column": "part"}, ["train.csv", "test.csv"], set()),
    ],
)
def test_splits_of_files_are_kept_where_every_file_names_one(
    given: dict[str, str], names: list[str], present: set[int]
) -> None:
    assert by_files(ProcessingOptions(**given), names) == present  # type: ignore[arg-type]


def test_a_file_without_a_split_is_refused_where_they_are_to_be_kept() -> None:
    with pytest.raises(UserError, match="^input file b.csv names no split, expected train, validation or test"):
        by_files(ProcessingOptions(given_splits="keep"), ["train.csv", "b.csv"])


def test_usual_names_in_a_column_are_known() -> None:
    values = ["train", " Training ", "VAL", "dev", "test", "unsup", "", None]
    found = duckdb.execute(f"SELECT {given_sql('s')} FROM (SELECT unnest(?) AS s)", [values]).fetchall()
    assert [split for (split,) in found] == [0, 0, 1, 1, 2, None, None, None]


def test_validation_is_cut_from_train_where_there_is_none() -> None:
    plain = ProcessingOptions()
    assert given_splits(plain, frozenset({TRAIN, TEST})) == GivenSplits(frozenset({TRAIN, TEST}), 0.1)
    assert given_splits(plain, frozenset({0, 1, 2})).validation_share == 0
    assert given_splits(ProcessingOptions(validation_ratio=0.0), frozenset({TRAIN})).shares() == (1, 0, 0)
    assert GivenSplits(frozenset({TRAIN, TEST}), 0.1).shares() == (1, 1, 1)


def test_the_hash_of_the_key_cuts_validation_and_leaves_test_alone() -> None:
    sql = kept_split_sql(GivenSplits(frozenset({TRAIN, TEST}), 0.25), 42)
    query = f"SELECT given, {sql}, count(*) FROM (SELECT n % 2 * 2 AS given, 'text ' || n AS key FROM range(4000) r(n))"
    rows = {(given, split): count for given, split, count in duckdb.execute(f"{query} GROUP BY ALL").fetchall()}
    assert rows.keys() == {(0, 0), (0, 1), (2, 2)} and rows[2, 2] == 2000
    assert abs(rows[0, 1] - 500) < 70
