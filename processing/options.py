"""ProcessingOptions: every flag of a processing job, with default and help; option_checks.py checks their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from contract.options import option
from processing.option_checks import check

INPUT, LABELS, TOKENS, ROWS, SPLITS, OUTPUT = "input", "labels", "tokens", "which rows and columns", "splits", "output"
MACHINE = "machine"


@dataclass(frozen=True)
class ProcessingOptions:
    """Options of a processing job. All have a default except the tokenizer."""

    input: str | None = option(
        None,
        "File, folder or glob of csv, tsv, txt, json, jsonl (each also .gz, .zst, .bz2, .xz or .zip), parquet or arrow "
        "files; none means /opt/ml/processing/input.",
        group=INPUT,
    )
    file_name: str | None = option(None, "File name or glob below the input folder.", group=INPUT)
    text_column: str | None = option(None, "Column with the text; none means review_body, else text.", group=INPUT)
    text_expression: str | None = option(
        None,
        "Instead of a text column, an expression in DuckDB's SQL over the columns, such as title || '. ' || body.",
        group=INPUT,
    )
    text_pair_column: str | None = option(
        None,
        "Column with the second text of each row, such as an answer; none means one text a row.",
        group=INPUT,
    )
    input_distribution: Literal["auto", "replicated", "sharded"] = option(
        "auto",
        "Whether each of several hosts has all files (replicated) or its own share (sharded); auto reads it from "
        "processingjobconfig.json and compares the hosts' files; it fails if an input of several hosts is not there.",
        group=INPUT,
    )
    delimiter: str | None = option(
        None,
        "Character between the values of csv, tsv and txt files, or comma, tab, semicolon, pipe, space; none means "
        "that it is detected from the first rows.",
        aliases=("sep",),
        group=INPUT,
    )
    quote: str = option(
        "auto",
        'Character around values that have a delimiter or a line end, or none where quotes are data; auto means " in '
        "csv files, and in files with tabs it is detected from the first megabyte.",
        group=INPUT,
    )
    escape: str | None = option(
        None, "Character before a quote within a quoted value; none means that the quote is doubled.", group=INPUT
    )
    stray_quotes: Literal["fail", "reject"] = option(
        "fail",
        "What a quote does that does not close in its record, so that the lines after it would be read as part of it: "
        "fail ends the job, reject rejects its line and reads the next lines as rows of their own.",
        group=INPUT,
    )
    encoding: str | None = option(
        None,
        "Encoding of text files, such as latin-1, windows-1252 or utf-16; none means that of the byte order mark, else "
        "UTF-8.",
        group=INPUT,
    )
    no_header: bool = option(
        False,
        "Whether the first line of csv, tsv and txt files is a row: the columns are column1, column2, ... or those of "
        "column_names.",
        group=INPUT,
    )
    column_names: tuple[str, ...] | None = option(
        None, "Names of the columns of csv, tsv and txt files; none means those of the header.", group=INPUT
    )
    tokenizer: str | None = option(
        None,
        "Folder or file of a Hugging Face tokenizer.json, or a model's name on the Hugging Face Hub; required.",
        aliases=("model_name",),
        group=TOKENS,
    )
    tokenizer_backend: Literal["auto", "tokenizers"] = option(
        "auto",
        "auto uses nanotoken or tokie for texts that they are proven to encode like the tokenizers library; tokenizers "
        "uses that library for all texts.",
        group=TOKENS,
    )
    max_length: int = option(512, "Longest row in tokens with special tokens; longer ones are truncated.", group=TOKENS)
    truncation: Literal["longest_first", "only_first", "only_second"] = option(
        "longest_first", "Which text of a pair (--text-pair-column) is truncated to max_length.", group=TOKENS
    )
    padding: Literal["none", "max_length"] = option(
        "none",
        "max_length pads every row to max_length and adds attention_mask, for scripts that expect it; none leaves "
        "padding to the training's data collator, which is smaller and faster.",
        group=TOKENS,
    )
    label_column: str | None = option(
        None, "Column with the label; none means star_rating, else label, else labels.", group=LABELS
    )
    label_columns: tuple[str, ...] = option(
        (), "Instead of a label column, columns of 0 and 1, one for each of several labels: toxic,threat.", group=LABELS
    )
    label_delimiter: str | None = option(
        None, "What separates the labels in the label column where rows have several, such as |.", group=LABELS
    )
    problem_type: Literal["auto", "single_label_classification", "multi_label_classification", "regression"] = option(
        "auto",
        "What labels are, in transformers' words; auto takes several labels for lists, --label-columns or "
        "--label-delimiter, regression for numbers with fractions of which no option makes classes, and one label "
        "otherwise.",
        group=LABELS,
    )
    label_threshold: float | None = option(
        None, "For numeric labels: class 1 from this value on, else 0.", aliases=("star_threshold",), group=LABELS
    )
    label_map: dict[str, Any] | None = option(
        None, 'Class number or class name for each label value, as JSON: {"1": "bad", "5": "good"}.', group=LABELS
    )
    label_names: tuple[str, ...] | None = option(
        None,
        "Names of the classes in order; none means those of label_map, NEGATIVE and POSITIVE for two classes by a "
        "threshold or a condition, else the labels in sorted order.",
        group=LABELS,
    )
    positive_where: str | None = option(
        None,
        "Instead of a label column, a condition in DuckDB's SQL: a row for which it is true is of class 1, false of "
        "class 0, and NULL without a label.",
        group=LABELS,
    )
    label_expression: str | None = option(
        None,
        "Instead of a label column, an expression in DuckDB's SQL over the columns, whose values are the labels.",
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
        "Whether to keep only the first of rows with the same text, regardless of case and white space, on all hosts.",
        group=ROWS,
    )
    near_duplicates: float | None = option(
        None,
        "Least Jaccard index of two texts' word pairs, above 0 to 1, of near-duplicates, such as 0.8; none finds none.",
        group=ROWS,
    )
    near_duplicate_rows: Literal["group", "drop"] = option(
        "group",
        "What happens with near-duplicates: group assigns all to the same split; drop keeps the first of each group.",
        group=ROWS,
    )
    conflicts: Literal["keep", "list", "drop", "majority"] = option(
        "keep",
        "What happens with rows of equal text (regardless of case and white space) and different labels: keep counts "
        "them; list also lists them in conflicts.jsonl; drop filters all, majority those without the label that most "
        "have.",
        group=ROWS,
    )
    max_rows: int | None = option(
        None,
        "Most rows to keep over all files and hosts, sampled by a hash of text and seed (equal texts are kept or "
        "filtered together); none means all.",
        group=ROWS,
    )
    balance: bool = option(
        False,
        "Whether to downsample every class of the training split to the size of the smallest class, sampled as for "
        "max_rows, before min_tokens is applied.",
        group=ROWS,
    )
    upsample: bool = option(
        False,
        "Whether to repeat rows of the training split, so that every class has as many as the largest class, before "
        "min_tokens is applied.",
        group=ROWS,
    )
    max_rejects: float | None = option(
        0.05,
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
    stratify: bool = option(
        False,
        "Whether every class gets its share of each split, exactly rather than on average, and at least one row where "
        "it has enough.",
        group=SPLITS,
    )
    split_column: str | None = option(
        None,
        "Column with the split of each row (train, validation or test, and usual other names), which is kept; "
        "validation is cut from train if no row has it, or by --validation-ratio.",
        group=SPLITS,
    )
    given_splits: Literal["auto", "keep", "ignore"] = option(
        "auto",
        "Whether names of files or folders (train.csv, test/part.csv) give the split of their rows: auto keeps them if "
        "every file names one, and train is among several; ignore assigns rows by hash.",
        group=SPLITS,
    )
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
    master_port: int = option(7777, "Port of the first host on which all hosts meet.", group=MACHINE)
    sample_rows: int = option(
        5, "Sample rows of each split in report.html, shortened; 0 means none. Logs never contain rows.", group=OUTPUT
    )

    def __post_init__(self) -> None:
        check(self)
