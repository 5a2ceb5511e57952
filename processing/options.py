"""ProcessingOptions: every flag of a processing job, with default and help, and checks of their values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from contract.failures import UserError
from contract.options import option

INPUT, LABELS, TOKENS, ROWS, SPLITS, OUTPUT = "input", "labels", "tokens", "which rows and columns", "splits", "output"
MACHINE = "machine"
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
RATIO_SLACK = 1e-9
LEAST_MEMORY = 64 * 10**6
DEFAULT_RATIOS = (0.8, 0.1, 0.1)
# Columns that the job itself writes, which --columns cannot name.
RESERVED = ("input_ids", "attention_mask", "labels", "length")


@dataclass(frozen=True)
class ProcessingOptions:
    """Options of a processing job. All have a default except the tokenizer."""

    input: str | None = option(
        None,
        "File, folder or glob of csv, tsv, jsonl or parquet files (the first three also .gz or .zst); none means "
        "/opt/ml/processing/input.",
        group=INPUT,
    )
    file_name: str | None = option(None, "File name or glob below the input folder.", group=INPUT)
    text_column: str | None = option(None, "Column with the text; none means review_body, else text.", group=INPUT)
    input_distribution: Literal["auto", "replicated", "sharded"] = option(
        "auto",
        "Whether each of several hosts has all files (replicated) or its own share (sharded); auto reads it from "
        "processingjobconfig.json, and is replicated if it is not there.",
        group=INPUT,
    )
    tokenizer: str | None = option(
        None,
        "Folder or file of a Hugging Face tokenizer.json, or a model's name on the Hugging Face Hub; required.",
        aliases=("model_name",),
        group=TOKENS,
    )
    tokenizer_backend: Literal["auto", "tokenizers"] = option(
        "auto",
        "auto uses tokie for texts that it is proven to encode like the tokenizers library; tokenizers uses that "
        "library for all texts.",
        group=TOKENS,
    )
    max_length: int = option(512, "Longest row in tokens with special tokens; longer ones are truncated.", group=TOKENS)
    padding: Literal["none", "max_length"] = option(
        "none",
        "max_length pads every row to max_length and adds attention_mask, for scripts that expect it; none leaves "
        "padding to the training's data collator, which is smaller and faster.",
        group=TOKENS,
    )
    label_column: str | None = option(None, "Column with the label; none means star_rating, else label.", group=LABELS)
    label_threshold: float | None = option(
        None, "For numeric labels: class 1 from this value on, else 0.", aliases=("star_threshold",), group=LABELS
    )
    label_map: dict[str, Any] | None = option(
        None, 'Class number or class name for each label value, as JSON: {"1": "bad", "5": "good"}.', group=LABELS
    )
    label_names: tuple[str, ...] | None = option(
        None, "Names of the classes in order; none means those of label_map, else NEGATIVE, POSITIVE.", group=LABELS
    )
    positive_where: str | None = option(
        None,
        "Instead of a label column, a condition in DuckDB's SQL: a row for which it is true is of class 1, false of "
        "class 0, and NULL without a label.",
        group=LABELS,
    )
    unlabelled: bool = option(
        False,
        "Whether the rows have no labels, as for batch inference: no label column is read or written.",
        aliases=("unlabeled",),
        group=LABELS,
    )
    where: str | None = option(None, "Condition in DuckDB's SQL over the columns; other rows are filtered.", group=ROWS)
    min_chars: int = option(1, "Least characters of a text; shorter ones are filtered.", group=ROWS)
    max_chars: int | None = option(None, "Most characters of a text to keep; none means no limit.", group=ROWS)
    min_tokens: int = option(
        0, "Least tokens of a row before truncation, with special tokens; shorter ones are filtered.", group=ROWS
    )
    drop_duplicates: bool = option(
        False,
        "Whether to keep only the first of rows with the same text, regardless of case and white space; several hosts "
        "need replicated input.",
        group=ROWS,
    )
    max_rows: int | None = option(
        None,
        "Most rows to keep over all files and hosts, sampled by a hash of text and seed (equal texts are kept or "
        "filtered together); none means all. Several hosts need replicated input.",
        group=ROWS,
    )
    balance: bool = option(
        False,
        "Whether to downsample every class of the training split to the size of the smallest class, sampled as for "
        "max_rows, before min_tokens is applied. Several hosts need replicated input.",
        group=ROWS,
    )
    max_rejects: float | None = option(
        None,
        "Most rejected rows, above which the job fails: below 1 a share of the rows read, else a number of rows; none "
        "means no limit.",
        group=ROWS,
    )
    columns: tuple[str, ...] = option(
        (), "Input columns to keep in addition to input_ids, labels and length.", aliases=("keep_columns",), group=ROWS
    )
    train_ratio: float | None = option(None, "Share of rows in the split train; none means 0.8.", group=SPLITS)
    validation_ratio: float | None = option(
        None, "Share of rows in the split validation; none means 0.1.", aliases=("val_ratio",), group=SPLITS
    )
    test_ratio: float | None = option(None, "Share of rows in the split test; none means the rest.", group=SPLITS)
    seed: int = option(42, "Seed of the hash that assigns rows to splits and samples them.", group=SPLITS)
    group_by: str | None = option(
        None, "Column whose equal values are assigned to the same split; none means the text.", group=SPLITS
    )
    format: Literal["datasets", "parquet"] = option(
        "datasets",
        "Format of the splits: datasets for datasets.load_from_disk, parquet for a folder of parquet files.",
        aliases=("output_format",),
        group=OUTPUT,
    )
    memory_limit: str | None = option(
        None,
        "Memory limit of DuckDB, beyond which it spills to disk: bytes, or 512MB, 2GB; none means a quarter of the "
        "container's memory, at most 512 MB.",
        group=MACHINE,
    )
    threads: int | None = option(
        None, "Threads of DuckDB and of tokenization; none means the container's CPU cores.", group=MACHINE
    )
    sample_rows: int = option(
        5, "Sample rows of each split in report.html, shortened; 0 means none. Logs never contain rows.", group=OUTPUT
    )

    def __post_init__(self) -> None:
        self.check_rows()
        self.check_labels()
        if self.threads is not None and self.threads < 1:
            raise UserError(f"option --threads is {self.threads}, expected at least 1")
        if self.memory_limit is not None:
            size(self.memory_limit)
        ratios(self)

    def check_rows(self) -> None:
        """Check the options about rows, tokens and columns; raises UserError for a bad value."""
        if self.max_length < 1:
            raise UserError(f"option --max-length is {self.max_length}, expected at least 1")
        if self.min_chars < 0:
            raise UserError(f"option --min-chars is {self.min_chars}, expected 0 or more")
        if self.min_tokens < 0:
            raise UserError(f"option --min-tokens is {self.min_tokens}, expected 0 or more")
        if self.max_chars is not None and self.max_chars < max(self.min_chars, 1):
            raise UserError(f"option --max-chars is {self.max_chars}, expected at least {max(self.min_chars, 1)}")
        if self.max_rows is not None and self.max_rows < 1:
            raise UserError(f"option --max-rows is {self.max_rows}, expected at least 1")
        if self.max_rejects is not None and not 0 <= self.max_rejects < float("inf"):
            raise UserError(f"option --max-rejects is {self.max_rejects:g}, expected 0 or more")
        if self.sample_rows < 0:
            raise UserError(f"option --sample-rows is {self.sample_rows}, expected 0 or more")
        if len(set(self.columns)) != len(self.columns):
            raise UserError(f"option --columns is {', '.join(self.columns)}, expected each column once")
        if reserved := next((name for name in self.columns if name in RESERVED), None):
            raise UserError(f"option --columns names {reserved}, which is a column that the job itself writes")

    def check_labels(self) -> None:
        """Check the options about labels; raises UserError for a bad value or options that exclude each other."""
        is_set = {
            "--label-threshold": self.label_threshold is not None,
            "--label-map": self.label_map is not None,
            "--positive-where": self.positive_where is not None,
            "--unlabelled": self.unlabelled,
        }
        rules = [name for name, value in is_set.items() if value]
        if len(rules) > 1:
            raise UserError(f"options {rules[0]} and {rules[1]} are both set, expected one of them")
        for name, value in (("--label-column", self.label_column), ("--label-names", self.label_names)):
            if value is not None and self.unlabelled:
                raise UserError(f"options {name} and --unlabelled are both set, expected one of them")
        if self.label_column is not None and self.positive_where is not None:
            raise UserError("options --label-column and --positive-where are both set, expected one of them")
        if self.balance and self.unlabelled:
            raise UserError("options --balance and --unlabelled are both set, but there is no class to balance")
        names = self.label_names
        if names is not None and (len(names) < 2 or len(set(names)) != len(names)):
            raise UserError(f"option --label-names is {', '.join(names)}, expected two or more different names")
        if names is not None and len(names) != 2 and (is_set["--label-threshold"] or is_set["--positive-where"]):
            raise UserError(f"option --label-names has {len(names)} names, expected 2 with {rules[0]}")


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
