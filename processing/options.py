"""ProcessingOptions: every flag of the job with default and help, and their checks (ratios, sizes)."""

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
# What every prepared row has; kept columns stand beside them.
RESERVED = ("input_ids", "attention_mask", "labels", "length")


@dataclass(frozen=True)
class ProcessingOptions:
    """What a processing job is told. Everything has a default but the tokenizer."""

    input: str | None = option(
        None,
        "File, folder or glob of csv, tsv, jsonl or parquet files (.gz and .zst too); none means the job's input.",
        group=INPUT,
    )
    file_name: str | None = option(None, "File name or glob below the input folder.", group=INPUT)
    text_column: str | None = option(None, "Column with the text; none means review_body, else text.", group=INPUT)
    input_distribution: Literal["auto", "replicated", "sharded"] = option(
        "auto",
        "Whether each of several hosts has all files (replicated) or its own share (sharded); auto asks the job's "
        "configuration, and takes replicated where it does not say.",
        group=INPUT,
    )
    tokenizer: str | None = option(
        None,
        "Folder or file of a Hugging Face tokenizer.json, or a model's name on the hub; has no default.",
        aliases=("model_name",),
        group=TOKENS,
    )
    tokenizer_backend: Literal["auto", "tokenizers"] = option(
        "auto",
        "auto encodes with tokie what it is proven to encode like the tokenizers library; tokenizers never does.",
        group=TOKENS,
    )
    max_length: int = option(512, "Longest row in tokens, special tokens included; the rest is cut off.", group=TOKENS)
    padding: Literal["none", "max_length"] = option(
        "none",
        "max_length fills every row up and adds attention_mask, for scripts that expect it; none leaves that to the "
        "batch, which is smaller and faster.",
        group=TOKENS,
    )
    label_column: str | None = option(None, "Column with the label; none means star_rating, else label.", group=LABELS)
    label_threshold: float | None = option(
        None, "Labels are numbers; this value and above is class 1.", aliases=("star_threshold",), group=LABELS
    )
    label_map: dict[str, Any] | None = option(
        None, 'Class number or class name of each label value, as JSON: {"1": "bad", "5": "good"}.', group=LABELS
    )
    label_names: tuple[str, ...] | None = option(
        None, "Names of the classes in order; none means those of the map, else NEGATIVE and POSITIVE.", group=LABELS
    )
    positive_where: str | None = option(
        None,
        "Instead of a label column: class 1 is the rows that meet this condition in DuckDB's SQL, class 0 those that "
        "do not; where it is NULL there is no label.",
        group=LABELS,
    )
    unlabelled: bool = option(
        False,
        "The rows have no labels, as for batch inference: no label column is read and none written.",
        aliases=("unlabeled",),
        group=LABELS,
    )
    where: str | None = option(None, "Rows to keep, as a condition in DuckDB's SQL over the columns.", group=ROWS)
    min_chars: int = option(1, "Shortest text to keep, in characters.", group=ROWS)
    max_chars: int | None = option(None, "Longest text to keep, in characters; none means no limit.", group=ROWS)
    min_tokens: int = option(
        0, "Shortest row to keep, in tokens before it is cut, special tokens included.", group=ROWS
    )
    drop_duplicates: bool = option(
        False,
        "Keep the first row of each text, regardless of case and white space; several hosts need replicated input.",
        group=ROWS,
    )
    max_rows: int | None = option(
        None,
        "Most rows to keep over all files and hosts, chosen by a hash of text and seed (equal texts stay or go "
        "together); none means all. Several hosts need replicated input.",
        group=ROWS,
    )
    balance: bool = option(
        False,
        "Cut every class of the training split, and of no other, to the rows of the smallest, chosen like those of "
        "max_rows; before min_tokens. Several hosts need replicated input.",
        group=ROWS,
    )
    max_rejects: float | None = option(
        None,
        "Most rejected rows before the job fails: below 1 a share of the rows read, else a number; none means any.",
        group=ROWS,
    )
    columns: tuple[str, ...] = option(
        (), "Columns to keep beside input_ids, labels and length.", aliases=("keep_columns",), group=ROWS
    )
    train_ratio: float | None = option(None, "Share of the rows to train on; none means 0.8.", group=SPLITS)
    validation_ratio: float | None = option(
        None, "Share of the rows to validate on; none means 0.1.", aliases=("val_ratio",), group=SPLITS
    )
    test_ratio: float | None = option(
        None, "Share of the rows to test on; none means what the other two leave.", group=SPLITS
    )
    seed: int = option(42, "Changes which rows land in which split.", group=SPLITS)
    group_by: str | None = option(
        None, "Column whose equal values stay in one split; none means the text itself.", group=SPLITS
    )
    format: Literal["datasets", "parquet"] = option(
        "datasets",
        "datasets writes what datasets.load_from_disk reads, parquet a folder of parquet files.",
        aliases=("output_format",),
        group=OUTPUT,
    )
    memory_limit: str | None = option(
        None,
        "Memory of the database, beyond which it writes to disk: bytes, or 512MB, 2GB; none means a quarter of what "
        "the container has, at most 512 MB.",
        group=MACHINE,
    )
    threads: int | None = option(
        None, "Threads of the database and batches at a time; none means those of the container.", group=MACHINE
    )
    sample_rows: int = option(
        5, "Rows of each split to show, shortened, in report.html; 0 shows none. Logs never hold any.", group=OUTPUT
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
        if taken := next((name for name in self.columns if name in RESERVED), None):
            raise UserError(f"option --columns names {taken}, which is a column that this job writes itself")

    def check_labels(self) -> None:
        given = {
            "--label-threshold": self.label_threshold is not None,
            "--label-map": self.label_map is not None,
            "--positive-where": self.positive_where is not None,
            "--unlabelled": self.unlabelled,
        }
        both = [name for name, is_given in given.items() if is_given]
        if len(both) > 1:
            raise UserError(f"options {both[0]} and {both[1]} are both given, expected one of them")
        for name, is_given in (("--label-column", self.label_column), ("--label-names", self.label_names)):
            if is_given is not None and self.unlabelled:
                raise UserError(f"options {name} and --unlabelled are both given, expected one of them")
        if self.label_column is not None and self.positive_where is not None:
            raise UserError("options --label-column and --positive-where are both given, expected one of them")
        if self.balance and self.unlabelled:
            raise UserError("options --balance and --unlabelled are both given, but there is no class to balance")
        names = self.label_names
        if names is not None and (len(names) < 2 or len(set(names)) != len(names)):
            raise UserError(f"option --label-names is {', '.join(names)}, expected two or more different names")
        if names is not None and len(names) != 2 and (given["--label-threshold"] or given["--positive-where"]):
            raise UserError(f"option --label-names has {len(names)} names, expected 2 with {both[0]}")


def size(text: str) -> int:
    """Bytes that `text` says: 1000000, 512MB, 2 GB; units are powers of 1,000.

    Raises:
        UserError: it says none, or less than a database can work with.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG]?)B?\s*", text, re.IGNORECASE)
    wanted = int(float(found[1]) * UNITS[found[2].upper()]) if found else 0
    if wanted < LEAST_MEMORY:
        raise UserError(f"option --memory-limit is {text!r}, expected 64MB or more, as in 512MB or 2GB")
    return wanted


def ratios(options: ProcessingOptions) -> tuple[float, float, float]:
    """Shares of train, validation and test, which add up to 1.

    What is not given takes the default for train and validation and the rest for test; where
    the test share is given, the one not given takes the rest.

    Raises:
        UserError: a share lies outside 0..1, train has none, or they do not add up to 1.
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
    shares = f"--train-ratio {train:g}, --validation-ratio {validation:g}, --test-ratio {test:g}"
    total = train + validation + test
    if min(validation, test) < -RATIO_SLACK or abs(total - 1) > RATIO_SLACK:
        raise UserError(f"the ratios do not add up to 1: {shares}")
    if train < -RATIO_SLACK or (train <= RATIO_SLACK and not unlabelled):
        raise UserError(f"no rows to train on: {shares}; expected --train-ratio above 0")
    # Rounding errors must not leave a split with a billionth of the rows.
    return snap(train), snap(validation), snap(test)


def snap(share: float) -> float:
    return 0.0 if abs(share) <= RATIO_SLACK else share
