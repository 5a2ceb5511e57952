"""Checks of the values of ProcessingOptions that need no data: sizes, shares, options that exclude each other."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING

from contract.card import LONGEST_FIRST, MULTI_LABEL, REGRESSION
from contract.failures import UserError

if TYPE_CHECKING:
    from processing.options import ProcessingOptions

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
RATIO_SLACK = 1e-9
LEAST_MEMORY = 64 * 10**6
MOST_PORTS = 2**16
DEFAULT_RATIOS = (0.8, 0.1, 0.1)
# Columns that the job itself writes, which --columns cannot name.
RESERVED = ("input_ids", "token_type_ids", "attention_mask", "labels", "length")


def check(options: ProcessingOptions) -> None:
    """Check all options; raises UserError for a bad value."""
    check_rows(options)
    check_labels(options)
    if options.threads is not None and options.threads < 1:
        raise UserError(f"option --threads is {options.threads}, expected at least 1")
    if options.memory_limit is not None:
        size(options.memory_limit)
    if not 0 < options.master_port < MOST_PORTS:
        raise UserError(f"option --master-port is {options.master_port}, expected 1 to {MOST_PORTS - 1}")
    check_splits(options)


def check_splits(options: ProcessingOptions) -> None:
    """Check the options about splits; raises UserError for a bad value or options that exclude each other."""
    ratios(options)
    keeps = "--split-column" if options.split_column is not None else "--given-splits keep"
    if options.split_column is not None or options.given_splits == "keep":
        for name, value in (("--train-ratio", options.train_ratio), ("--test-ratio", options.test_ratio)):
            if value is not None:
                raise UserError(f"options {name} and {keeps} are both set, but splits of the input are kept")
    if options.split_column is not None and options.stratify:
        raise UserError("options --split-column and --stratify are both set, but splits of the input are kept")
    if options.split_column is not None and options.given_splits != "auto":
        raise UserError("options --split-column and --given-splits are both set, expected one of them")


def check_rows(options: ProcessingOptions) -> None:
    """Check the options about rows, tokens and columns; raises UserError for a bad value."""
    if options.max_length < 1:
        raise UserError(f"option --max-length is {options.max_length}, expected at least 1")
    if options.min_chars < 0:
        raise UserError(f"option --min-chars is {options.min_chars}, expected 0 or more")
    if options.min_tokens < 0:
        raise UserError(f"option --min-tokens is {options.min_tokens}, expected 0 or more")
    if options.max_chars is not None and options.max_chars < max(options.min_chars, 1):
        raise UserError(f"option --max-chars is {options.max_chars}, expected at least {max(options.min_chars, 1)}")
    if options.truncation != LONGEST_FIRST and options.text_pair_column is None:
        raise UserError(
            f"option --truncation is {options.truncation}, but rows have one text; expected --text-pair-column"
        )
    if options.max_rows is not None and options.max_rows < 1:
        raise UserError(f"option --max-rows is {options.max_rows}, expected at least 1")
    if options.max_rejects is not None and not 0 <= options.max_rejects < float("inf"):
        raise UserError(f"option --max-rejects is {options.max_rejects:g}, expected 0 or more")
    threshold = options.near_duplicates
    if threshold is not None and not 0 < threshold <= 1:
        raise UserError(f"option --near-duplicates is {threshold:g}, expected above 0 to 1, as in 0.8")
    if options.sample_rows < 0:
        raise UserError(f"option --sample-rows is {options.sample_rows}, expected 0 or more")
    if len(set(options.columns)) != len(options.columns):
        raise UserError(f"option --columns is {', '.join(options.columns)}, expected each column once")
    if reserved := next((name for name in options.columns if name in RESERVED), None):
        raise UserError(f"option --columns names {reserved}, which is a column that the job itself writes")


def least_names(options: ProcessingOptions, others: dict[str, bool]) -> int:
    """How many --label-names there must be: two classes, or one number or label of several.

    Args:
        others: which options about labels are set.

    Raises:
        UserError: one of `others` excludes an option for several labels.
    """
    found = {"--label-columns": bool(options.label_columns), "--label-delimiter": bool(options.label_delimiter)}
    for name, value in others.items():
        # Labels with a delimiter may come from either of these.
        has_text = name in ("--label-column", "--label-expression")
        exclude({**found, "--label-delimiter": found["--label-delimiter"] and not has_text, name: value})
    exclude(found)
    return 1 if options.problem_type in (REGRESSION, MULTI_LABEL) or any(found.values()) else 2


def check_labels(options: ProcessingOptions) -> None:
    """Check the options about labels; raises UserError for a bad value or options that exclude each other."""
    threshold = options.label_threshold
    if threshold is not None and not isfinite(threshold):
        raise UserError(f"option --label-threshold is {threshold:g}, expected a finite number")
    is_set = {
        "--label-threshold": options.label_threshold is not None,
        "--label-map": options.label_map is not None,
        "--positive-where": options.positive_where is not None,
        "--unlabelled": options.unlabelled,
    }
    rules = [name for name, value in is_set.items() if value]
    sources = {
        "--label-column": options.label_column is not None,
        "--positive-where": options.positive_where is not None,
        "--label-expression": options.label_expression is not None,
        "--unlabelled": options.unlabelled,
    }
    texts = {
        "--text-column": options.text_column is not None,
        "--text-expression": options.text_expression is not None,
    }
    named = {"--label-names": options.label_names is not None, "--unlabelled": options.unlabelled}
    for group in (is_set, sources, texts, named):
        exclude(group)
    for name, value in (
        ("--balance", options.balance),
        ("--upsample", options.upsample),
        ("--stratify", options.stratify),
        (f"--conflicts {options.conflicts}", options.conflicts != "keep"),
    ):
        if value and options.unlabelled:
            raise UserError(f"options {name} and --unlabelled are both set, but there are no classes")
    exclude({"--balance": options.balance, "--upsample": options.upsample})
    names = options.label_names
    refuse_names_of_no_label(options, least_names(options, {**is_set, **sources}))
    if names is not None and len(names) != 2 and (is_set["--label-threshold"] or is_set["--positive-where"]):
        raise UserError(f"option --label-names has {len(names)} names, expected 2 with {rules[0]}")


def refuse_names_of_no_label(options: ProcessingOptions, least: int) -> None:
    """Refuse --label-names and --label-columns that name a label twice, or that no label of a row can have.

    Args:
        least: how many --label-names there must be.

    Raises:
        UserError: names the option and its value.
    """
    names, columns, delimiter = options.label_names, options.label_columns, options.label_delimiter
    if len(set(columns)) != len(columns):
        raise UserError(f"option --label-columns is {', '.join(columns)}, expected each column once")
    if delimiter is not None and not delimiter.strip(" ") and delimiter != " ":
        raise UserError(f"option --label-delimiter is {delimiter!r}, expected a text between labels, or one space")
    exclude({"--label-columns": bool(columns), "--label-names": names is not None})
    if names is None:
        return
    if options.problem_type == REGRESSION and len(names) != 1:
        raise UserError(f"option --label-names is {', '.join(names)}, expected one name, that of the number")
    if len(names) < least or len(set(names)) != len(names):
        few = "two or more different names" if least > 1 else "different names"
        raise UserError(f"option --label-names is {', '.join(names)}, expected {few}")
    if delimiter and any(delimiter in name for name in names):
        raise UserError(
            f"option --label-names is {', '.join(names)}, expected no name with the --label-delimiter {delimiter!r} "
            "in it"
        )


def exclude(is_set: dict[str, bool]) -> None:
    """Check that at most one of the options is set; raises UserError that names two of them."""
    names = [name for name, value in is_set.items() if value]
    if len(names) > 1:
        raise UserError(f"options {names[0]} and {names[1]} are both set, expected one of them")


def size(text: str) -> int:
    """Parse a size of memory to bytes: 1000000, 512MB, 2 GB; units are powers of 1,000.

    Raises:
        UserError: it is not a size, or is less than LEAST_MEMORY.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG]?)B?\s*", text, re.IGNORECASE)
    parsed = int(float(match[1]) * UNITS[match[2].upper()]) if match else 0
    if parsed < LEAST_MEMORY:
        raise UserError(f"option --memory-limit is {text!r}, expected 64MB or more, as in 512MB or 2GB")
    return parsed


def ratios(options: ProcessingOptions) -> tuple[float, float, float]:
    """Shares of the splits train, validation and test, which add up to 1.

    Without options they are DEFAULT_RATIOS. If the test share is not set, it is the rest; if it is set,
    one that is not set takes the rest.

    Raises:
        UserError: a share is outside 0..1, train is empty, or they do not add up to 1.
    """
    train, validation, test = options.train_ratio, options.validation_ratio, options.test_ratio
    for name, value in (("train", train), ("validation", validation), ("test", test)):
        if value is not None and not 0 <= value <= 1:
            raise UserError(f"option --{name}-ratio is {value:g}, expected 0 to 1")
    if train is None and validation is not None and test is not None:
        train = 1 - validation - test
    if train is None:
        train = DEFAULT_RATIOS[0] if test is None or validation is not None else 1 - test - DEFAULT_RATIOS[1]
        train = max(train, 0.0) if options.unlabelled else train
    if validation is None:
        validation = 1 - train - test if test is not None else min(DEFAULT_RATIOS[1], 1 - train)
    if test is None:
        test = 1 - train - validation
    return checked_ratios(train, validation, test, options.unlabelled)


def checked_ratios(train: float, validation: float, test: float, unlabelled: bool) -> tuple[float, float, float]:
    """The shares, rounded; raises UserError if they do not add up to 1, or train is empty in labelled data."""
    shares = f"--train-ratio {train:g}, --validation-ratio {validation:g}, --test-ratio {test:g}"
    total = train + validation + test
    if min(validation, test) < -RATIO_SLACK or abs(total - 1) > RATIO_SLACK:
        raise UserError(f"the ratios do not add up to 1: {shares}")
    if train < -RATIO_SLACK or (train <= RATIO_SLACK and not unlabelled):
        raise UserError(f"no rows to train on: {shares}; expected --train-ratio above 0")
    # A rounding error must not make a split that is almost but not quite empty.
    return snap(train), snap(validation), snap(test)


def snap(share: float) -> float:
    """0.0 for a share that differs from it by a rounding error only."""
    return 0.0 if abs(share) <= RATIO_SLACK else share
