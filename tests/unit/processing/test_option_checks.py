"""What values of options are refused, and the shares of the splits."""

from __future__ import annotations

from typing import Any

import pytest

from contract.failures import UserError
from processing.option_checks import ratios, size
from processing.options import ProcessingOptions


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (0.8, 0.1, 0.1)),
        ({"train_ratio": 0.9}, (0.9, 0.1, 0.0)),
        ({"train_ratio": 0.7}, (0.7, 0.1, 0.2)),
        ({"train_ratio": 1.0}, (1.0, 0.0, 0.0)),
        ({"validation_ratio": 0.2}, (0.8, 0.2, 0.0)),
        ({"test_ratio": 0.2}, (0.7, 0.1, 0.2)),
        ({"train_ratio": 0.7, "validation_ratio": 0.2}, (0.7, 0.2, 0.1)),
        ({"train_ratio": 0.7, "test_ratio": 0.1}, (0.7, 0.2, 0.1)),
        ({"validation_ratio": 0.3, "test_ratio": 0.3}, (0.4, 0.3, 0.3)),
        ({"train_ratio": 0.9, "validation_ratio": 0.1}, (0.9, 0.1, 0.0)),
        ({"test_ratio": 1.0, "unlabelled": True}, (0.0, 0.0, 1.0)),
    ],
)
def test_ratios_that_are_not_given_take_the_rest(given: dict[str, Any], expected: tuple[float, ...]) -> None:
    assert ratios(ProcessingOptions(**given)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"train_ratio": 0.8, "validation_ratio": 0.3}, "do not add up"),
        ({"train_ratio": 0.5, "validation_ratio": 0.1, "test_ratio": 0.1}, "do not add up"),
        ({"train_ratio": 1.5}, "--train-ratio is 1.5"),
        ({"train_ratio": 0.0}, "no rows to train on"),
        ({"test_ratio": 1.0}, "no rows to train on"),
        ({"max_length": 0}, "--max-length is 0"),
        ({"min_chars": 5, "max_chars": 4}, "--max-chars is 4"),
        ({"min_chars": -1}, "--min-chars is -1"),
        ({"columns": ("a", "a")}, "each column once"),
        ({"columns": ("labels",)}, "itself writes"),
        ({"label_threshold": 1.0, "label_map": {"a": 0, "b": 1}}, "both set"),
        ({"label_names": ("a",)}, "two or more"),
        ({"label_columns": ("a", "a")}, "--label-columns is a, a, expected each column once"),
        ({"label_columns": ("a", "b"), "label_names": ("x", "y")}, "--label-columns and --label-names are both set"),
        ({"label_delimiter": ""}, "--label-delimiter is '', expected a text"),
        (
            {"label_delimiter": "|", "label_names": ("a|b", "c")},
            "expected no name with the --label-delimiter '|' in it",
        ),
        ({"problem_type": "regression", "label_names": ("a", "b")}, "expected one name, that of the number"),
        ({"label_threshold": 1.0, "label_names": ("a", "b", "c")}, "expected 2 with --label-threshold"),
        ({"positive_where": "x", "label_names": ("a", "b", "c")}, "expected 2 with --positive-where"),
        ({"positive_where": "x", "unlabelled": True}, "--positive-where and --unlabelled are both set"),
        ({"positive_where": "x", "label_column": "a"}, "--label-column and --positive-where are both set"),
        ({"unlabelled": True, "label_column": "a"}, "--label-column and --unlabelled are both set"),
        ({"unlabelled": True, "label_names": ("a", "b")}, "--label-names and --unlabelled are both set"),
        ({"unlabelled": True, "balance": True}, "--balance and --unlabelled"),
        ({"unlabelled": True, "conflicts": "drop"}, "--conflicts drop and --unlabelled"),
        ({"balance": True, "upsample": True}, "--balance and --upsample are both set"),
        ({"near_duplicates": 1.5}, "--near-duplicates is 1.5"),
        ({"near_duplicates": float("nan")}, "--near-duplicates is nan"),
        ({"split_column": "a", "stratify": True}, "--split-column and --stratify are both set"),
        ({"min_tokens": -1}, "--min-tokens is -1"),
        ({"max_rows": 0}, "--max-rows is 0"),
        ({"max_rejects": -0.1}, "--max-rejects is -0.1"),
        ({"max_rejects": float("nan")}, "--max-rejects is nan"),
        ({"text_column": "a", "text_expression": "b"}, "--text-column and --text-expression are both set"),
        ({"label_expression": "a", "positive_where": "b"}, "--positive-where and --label-expression are both set"),
        ({"label_threshold": float("nan")}, "--label-threshold is nan, expected a finite number"),
        ({"label_threshold": float("-inf")}, "--label-threshold is -inf, expected a finite number"),
        ({"split_column": "a", "test_ratio": 0.1}, "--test-ratio and --split-column are both set, but splits"),
        ({"given_splits": "keep", "train_ratio": 0.7}, "--train-ratio and --given-splits keep are both set"),
        ({"given_splits": "keep", "split_column": "a"}, "--split-column and --given-splits are both set"),
        ({"threads": 0}, "--threads is 0"),
        ({"memory_limit": "much"}, "--memory-limit is 'much'"),
        ({"memory_limit": "1MB"}, "--memory-limit is '1MB'"),
        ({"sample_rows": -1}, "--sample-rows is -1"),
    ],
)
def test_bad_options_are_refused_by_name(given: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        ProcessingOptions(**given)  # type: ignore[arg-type]


def test_sizes_are_read_with_their_units() -> None:
    assert [size(text) for text in ("100000000", "512MB", "2 gb", "1.5G")] == [
        10**8,
        512 * 10**6,
        2 * 10**9,
        15 * 10**8,
    ]
