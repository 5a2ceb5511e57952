"""Tokenization of raw text columns to token ids and label numbers, where the data was not prepared."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Dataset, Features, List, Value
from tokenizers import Tokenizer

from contract.dialect import TextSettings
from contract.failures import UserError
from contract.tokenizer import truncation_side
from training.data.columns import named, unlabelled
from training.data.delimited import DETECTED

# The column names that processing takes by itself, and those of public data sets.
TEXT_COLUMNS = ("review_body", "text", "sentence", "content")
LABEL_COLUMNS = ("labels", "label")
BATCH_ROWS = 1_000
MOST_CLASSES = 1_000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TextEncoder:
    """How text becomes rows to train on.

    Attributes:
        tokenizer_file: the model's tokenizer.json.
        max_length: longest row in tokens, special tokens included; longer text is truncated.
        text_column: none takes the first of TEXT_COLUMNS that is there.
        label_column: none takes the first of LABEL_COLUMNS that is there.
        settings: what the hyperparameters say about csv and tsv files.
    """

    tokenizer_file: Path
    max_length: int
    text_column: str | None = None
    label_column: str | None = None
    settings: TextSettings = DETECTED

    def columns(self) -> tuple[str, ...]:
        """The columns that may hold text or labels."""
        texts = (self.text_column,) if self.text_column else TEXT_COLUMNS
        return (*texts, *((self.label_column,) if self.label_column else LABEL_COLUMNS))

    def encode(self, rows: Dataset, names: Sequence[str], folder: Path) -> Dataset:
        """Columns input_ids, labels (a ClassLabel) and text from a text and a label column.

        Args:
            rows: with these columns, and others.
            names: of the classes; empty takes the values that are there, in sorted order.
            folder: for messages.

        Raises:
            UserError: a column is missing, a value is missing, or a label is none of `names`.
        """
        text = pick(rows, self.text_column, TEXT_COLUMNS, "text_column", folder)
        label = pick(rows, self.label_column, LABEL_COLUMNS, "label_column", folder)
        others = [name for name in rows.column_names if name not in (text, label)]
        if others:
            log.info("channel %s: columns %s and %s are read, %s are not", folder.name, text, label, named(others))
        known = tuple(names) or class_names(rows, label)
        texts, values = strings(rows, text), labels_as_text(rows, label, folder)
        refuse_missing(texts, text, folder)
        refuse_missing(values, label, folder)
        found = known or distinct(values, label, folder)
        features = Features(
            {"input_ids": List(Value("int32")), "labels": ClassLabel(names=list(found)), "text": Value("string")}
        )
        ids, longer = self.truncated(texts)
        log.info(
            "channel %s: %s of %s texts are truncated to %d tokens",
            *(folder.name, f"{longer:,}", f"{len(texts):,}", self.max_length),
        )
        columns = {"input_ids": ids, "labels": numbered(values, found, label, folder), "text": texts}
        return Dataset(pa.table(columns), info=None).cast(features)

    def ids(self, texts: pa.ChunkedArray) -> pa.ChunkedArray:
        """list<int32>, the token ids of each text."""
        return self.truncated(texts)[0]

    def truncated(self, texts: pa.ChunkedArray) -> tuple[pa.ChunkedArray, int]:
        """The same, and how many texts are longer than max_length."""
        tokenizer = Tokenizer.from_file(str(self.tokenizer_file))
        tokenizer.no_padding()
        tokenizer.enable_truncation(
            self.max_length, direction=truncation_side(self.tokenizer_file, tokenizer.truncation)
        )
        chunks: list[pa.Array] = []
        longer = 0
        for start in range(0, len(texts), BATCH_ROWS):
            encoded = tokenizer.encode_batch_fast(texts.slice(start, BATCH_ROWS).to_pylist())
            chunks.append(pa.array([row.ids for row in encoded], pa.list_(pa.int32())))
            longer += sum(bool(row.overflowing) for row in encoded)
        # The types of pyarrow lack this overload.
        return pa.chunked_array(chunks, pa.list_(pa.int32())), longer  # type: ignore[call-overload]


def pick(rows: Dataset, wanted: str | None, usual: Sequence[str], option: str, folder: Path) -> str:
    """The column named by the caller, else the first usual one."""
    names = rows.column_names
    found = wanted if wanted in names else next((name for name in usual if name in names), None)
    if found is None or (wanted is not None and found != wanted):
        sought = f"hyperparameter {option} is {wanted!r}" if wanted else f"none of {', '.join(usual)} is among them"
        raise UserError(
            f"channel {folder}: columns {named(names)} are found, but {sought}; expected the hyperparameters "
            "text_column and label_column to name two"
        )
    return found


def strings(rows: Dataset, name: str) -> pa.ChunkedArray:
    """A column as text."""
    return pc.cast(rows.data.column(name), pa.string())


def class_names(rows: Dataset, label: str) -> tuple[str, ...]:
    feature = rows.features[label]
    return tuple(feature.names) if isinstance(feature, ClassLabel) else ()


def labels_as_text(rows: Dataset, name: str, folder: Path) -> pa.ChunkedArray:
    """The labels by name: those of a ClassLabel, or whatever is written there, without the space around it."""
    names = class_names(rows, name)
    values = rows.data.column(name)
    if names:
        refuse_unnamed(values, len(names), folder)
        return pc.take(pa.chunked_array([pa.array(names)]), values)
    if pa.types.is_nested(values.type):
        raise UserError(f"channel {folder}: column {name} holds arrays, expected one class a row")
    return pc.utf8_trim_whitespace(pc.cast(values, pa.string()))


def refuse_unnamed(values: pa.ChunkedArray, classes: int, folder: Path) -> None:
    """Raises UserError: numbers of a ClassLabel column are those of no class; -1 means that there is none."""
    bounds: Any = pc.min_max(values).as_py()
    if bounds["max"] is not None and bounds["min"] == bounds["max"] == -1:
        raise unlabelled(folder)
    if bounds["max"] is not None and not 0 <= bounds["min"] <= bounds["max"] < classes:
        raise UserError(
            f"channel {folder}: labels go from {bounds['min']} to {bounds['max']}, expected 0 to {classes - 1}"
        )


def refuse_missing(values: pa.ChunkedArray, name: str, folder: Path) -> None:
    empty = pc.or_kleene(pc.is_null(values), pc.equal(values, pa.scalar("")))
    missing = pc.sum(pc.cast(empty, pa.int64())).as_py() or 0
    if missing:
        raise UserError(
            f"channel {folder}: column {name} is empty in {missing:,} of {len(values):,} rows; "
            "expected a value in each: process the data first, or leave these rows out"
        )


def distinct(values: pa.ChunkedArray, name: str, folder: Path) -> tuple[str, ...]:
    """The values that occur: numbers in their order, other text sorted."""
    found: list[Any] = pc.unique(values).to_pylist()
    if not 2 <= len(found) <= MOST_CLASSES:
        raise UserError(
            f"channel {folder}: column {name} has {len(found):,} different values, "
            f"expected 2 to {MOST_CLASSES:,} classes"
        )
    if all(re.fullmatch(r"-?[0-9]+", value) for value in found):
        return tuple(sorted(found, key=int))
    return tuple(sorted(found))


def numbered(values: pa.ChunkedArray, names: Sequence[str], column: str, folder: Path) -> pa.ChunkedArray:
    """int64, the place of each value among `names`."""
    places = cast(pa.ChunkedArray, pc.index_in(values, pa.array(names)))
    if places.null_count:
        first = pc.index(pc.is_null(places), True).as_py() + 1
        # Not the value itself: where columns were mixed up it is a text of the data.
        raise UserError(
            f"channel {folder}: column {column} has another value than the {len(names)} classes of train in "
            f"{places.null_count:,} of {len(values):,} rows, the first is row {first:,}"
        )
    return pc.cast(places, pa.int64())
