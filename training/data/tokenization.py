"""Tokenization of raw text columns to token ids, where the data was not prepared."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset, Features, List, Value
from tokenizers import Tokenizer

from contract.card import LONGEST_FIRST
from contract.dialect import TextSettings
from contract.failures import UserError
from contract.pairs import PairJoiner, template_of
from contract.tokenizer import truncation_side
from training.data.columns import IDS, LABELS, PAIR, TEXT, TYPES, named, pick, refuse_missing
from training.data.delimited import DETECTED
from training.data.raw_labels import RawLabels

# The column names that processing takes by itself, and those of public data sets.
TEXT_COLUMNS = ("review_body", "text", "sentence", "content")
BATCH_ROWS = 1_000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TextEncoder:
    """How text becomes rows to train on.

    Attributes:
        tokenizer_file: the model's tokenizer.json.
        max_length: longest row in tokens, special tokens included; longer text is truncated.
        text_column: none takes the first of TEXT_COLUMNS that is there.
        pair_column: of the second text of each row; none for rows of one text.
        truncation: longest_first, only_first or only_second, for rows of two texts.
        labels: where labels are, and of what problem type.
        token_types: whether the model tells the two texts of a row apart by token_type_ids.
        settings: what the hyperparameters say about csv and tsv files.
    """

    tokenizer_file: Path
    max_length: int
    text_column: str | None = None
    pair_column: str | None = None
    truncation: str = LONGEST_FIRST
    labels: RawLabels = field(default_factory=RawLabels)
    token_types: bool = False
    settings: TextSettings = DETECTED

    def columns(self) -> tuple[str, ...]:
        """The columns that may hold text or labels."""
        texts = (self.text_column,) if self.text_column else TEXT_COLUMNS
        return (*texts, *((self.pair_column,) if self.pair_column else ()), *self.labels.sources())

    def encode(self, rows: Dataset, names: Sequence[str], folder: Path) -> Dataset:
        """Columns input_ids, labels and text, of pairs also text_pair and token_type_ids, from raw columns.

        Args:
            rows: with these columns, and others.
            names: of the classes; empty takes the values that are there, in sorted order.
            folder: for messages.

        Raises:
            UserError: a column is missing, a value is missing, or a label is none of `names`.
        """
        text = pick(rows, self.text_column, TEXT_COLUMNS, "text_column", folder)
        columns = {TEXT: strings(rows, text, folder)}
        if self.pair_column:
            pair = pick(rows, self.pair_column, (), "text_pair_column", folder)
            if pair in (text, *self.labels.present(rows)):
                raise UserError(f"hyperparameter text_pair_column is {pair}, which is the column of text or labels")
            columns[PAIR] = strings(rows, pair, folder)
        log_read(rows, [text, *([pair] if self.pair_column else []), *self.labels.present(rows)], folder)
        for name, texts in columns.items():
            refuse_missing(texts, text if name == TEXT else str(self.pair_column), folder)
        labels, feature = self.labels.encode(rows, names, folder)
        features = {LABELS: feature} | {name: Value("string") for name in columns}
        encoded, longer = self.truncated(*columns.values())
        log.info(
            "channel %s: %s of %s texts are truncated to %d tokens",
            *(folder.name, f"{longer:,}", f"{len(labels):,}", self.max_length),
        )
        features |= {name: List(Value("int32")) for name in encoded}
        return Dataset(pa.table({**encoded, LABELS: labels, **columns}), info=None).cast(
            Features({name: features[name] for name in (*encoded, LABELS, *columns)})
        )

    def truncated(
        self, texts: pa.ChunkedArray, pairs: pa.ChunkedArray | None = None
    ) -> tuple[dict[str, pa.ChunkedArray], int]:
        """Columns of list<int32>: input_ids, and of pairs token_type_ids; and how many rows were longer.

        Raises:
            UserError: truncation of one of the two texts does not suffice.
        """
        tokenizer = Tokenizer.from_file(str(self.tokenizer_file))
        side = truncation_side(self.tokenizer_file, tokenizer.truncation)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        joiner = None if pairs is None else self.joiner(tokenizer, side)
        if joiner is None:
            tokenizer.enable_truncation(self.max_length, direction=side)
        has_types = pairs is not None and self.token_types
        chunks: dict[str, list[pa.Array]] = {IDS: [], **({TYPES: []} if has_types else {})}
        longer = 0
        for start in range(0, len(texts), BATCH_ROWS):
            inputs = batch(texts, start)
            if joiner is None or pairs is None:
                rows = [(row.ids, row.type_ids, bool(row.overflowing)) for row in tokenizer.encode_batch_fast(inputs)]
            else:
                both = list(zip(inputs, batch(pairs, start), strict=True))
                rows = [(row.ids, row.type_ids, row.truncated) for row in joiner.encode(tokenizer, both)]
                self.refuse_long(rows, start)
            for place, parts in enumerate(chunks.values()):
                parts.append(pa.array([row[place] for row in rows], pa.list_(pa.int32())))
            longer += sum(row[2] for row in rows)
        # The types of pyarrow lack this overload.
        found = {name: pa.chunked_array(parts, pa.list_(pa.int32())) for name, parts in chunks.items()}  # type: ignore[call-overload]
        return found, longer

    def joiner(self, tokenizer: Tokenizer, side: str) -> PairJoiner:
        """Joins pairs as `tokenizer` does.

        Raises:
            UserError: it does not put special tokens only before, between and after the texts.
        """
        template = template_of(tokenizer)
        if template is None:
            raise UserError(
                f"hyperparameter text_pair_column is set, but tokenizer {self.tokenizer_file} joins two texts in an "
                "unusual way; expected special tokens only before, between and after them"
            )
        return PairJoiner(template, self.max_length, self.truncation, side)

    def refuse_long(self, rows: Sequence[tuple[list[int], list[int], bool]], start: int) -> None:
        """Raises UserError: truncation of one of the two texts does not suffice for a row of a batch."""
        if any(len(ids) > self.max_length for ids, _, _ in rows):
            raise UserError(
                f"hyperparameter truncation is {self.truncation}, but the other text of a row from row {start + 1:,} "
                f"on leaves no room within {self.max_length} tokens; expected longest_first, or a larger max_length"
            )


def batch(texts: pa.ChunkedArray, start: int) -> list[str]:
    """The texts of BATCH_ROWS rows from `start` on; none is missing."""
    return [str(text) for text in texts.slice(start, BATCH_ROWS).to_pylist()]


def strings(rows: Dataset, name: str, folder: Path) -> pa.ChunkedArray:
    """A column as text.

    Raises:
        UserError: it holds arrays or objects.
    """
    if pa.types.is_nested(rows.data.column(name).type):
        raise UserError(f"channel {folder}: column {name} holds arrays or objects, expected text")
    return pc.cast(rows.data.column(name), pa.string())


def log_read(rows: Dataset, read: Sequence[str], folder: Path) -> None:
    """Log which columns are read and which are not, where there are others."""
    others = [name for name in rows.column_names if name not in read]
    if others:
        log.info("channel %s: columns %s are read, %s are not", folder.name, " and ".join(read), named(others))
