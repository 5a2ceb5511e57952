"""Turns a batch of the query into rows of the splits: drops filtered rows, tokenizes, builds the output columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contract.card import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from processing.arrays import filtered, take, to_arrow, to_numpy
from processing.rows.filters import REJECTED, Outcome
from processing.rows.split import SPLITS
from processing.tokenizing.encoder import Encoder
from processing.tokenizing.padding import lists, padded
from processing.tokenizing.pairs import PairEncoder
from processing.tokenizing.tokens import Tokens, gather
from processing.writing.writer import LABELS, schema

KEPT_PREFIX, VALUE, REPEATED_LABELS = "kept_", "label_value", "repeated_labels"
MOST_TEXT_BYTES = 8 * 1024 * 1024
# Above the largest number of an Outcome.
MOST_OUTCOMES = 64

Source = TypeVar("Source")

# Arrow type of the labels by problem type: a class number; 0 or 1 for each label; a number.
LABEL_TYPES = {SINGLE_LABEL: pa.int64(), MULTI_LABEL: pa.list_(pa.float32()), REGRESSION: pa.float32()}


def text_columns(batch: pa.RecordBatch) -> list[pa.Array]:
    """The texts of a batch of the query, or the first and the second texts of pairs."""
    return [batch.column(name) for name in ("text", "pair") if name in batch.schema.names]


def label_column(batch: pa.RecordBatch) -> pa.Array:
    """The labels of a batch of the query, of a type of LABEL_TYPES; NULL in unlabelled data."""
    return batch.column(VALUE if VALUE in batch.schema.names else "number")


def outcomes(batch: pa.RecordBatch) -> dict[tuple[int, Outcome], int]:
    """Number of rows of `batch`, whose files are in order, by the number of the file in its group and by outcome."""
    files = to_numpy(batch.column("file"), np.uint32).astype(np.int64)
    first = int(files[0]) if len(files) else 0
    counts = np.bincount((files - first) * MOST_OUTCOMES + to_numpy(batch.column("outcome"), np.uint8))
    found = np.flatnonzero(counts).tolist()
    return {(first + place // MOST_OUTCOMES, Outcome(place % MOST_OUTCOMES)): int(counts[place]) for place in found}


def rejected_classes(batch: pa.RecordBatch) -> Counter[int]:
    """Number of rejected rows of `batch` by class number, of those that have one."""
    rejected = np.flatnonzero(np.isin(to_numpy(batch.column("outcome"), np.uint8), list(REJECTED)))
    if not len(rejected):
        return Counter()
    numbers = take(batch.column("number"), rejected).drop_null()
    return Counter(to_numpy(numbers, np.int64).tolist())


def kept_rows(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows of `batch` with the outcome KEPT, sorted by split; the order within a split does not change."""
    rows = np.flatnonzero(to_numpy(batch.column("outcome"), np.uint8) == Outcome.KEPT)
    splits = to_numpy(batch.column("split"), np.uint8)[rows]
    return take(batch, rows[np.argsort(splits, kind="stable")])


def tokenized(
    batch: pa.RecordBatch, encoder: Encoder | PairEncoder, least: int
) -> tuple[pa.RecordBatch, Tokens, Counter[tuple[int, Outcome]]]:
    """Tokenize the rows of `batch`, and drop those with fewer than `least` tokens before truncation, or too many after.

    The latter are pairs whose one text leaves no room for the one that is to be truncated.

    Returns:
        The other rows, their tokens, and how many rows were dropped, by the number of their file and by outcome.
    """
    if isinstance(encoder, PairEncoder):
        tokens = encoder.encode(*text_columns(batch))
        fits = tokens.lengths <= encoder.max_length
    else:
        tokens = encoder.encode(batch.column("text"))
        fits = np.ones(batch.num_rows, bool)
    mask = fits & (tokens.full_lengths >= least)
    if mask.all():
        return batch, tokens, Counter()
    dropped = by_file(batch, ~fits, Outcome.NO_ROOM) + by_file(batch, fits & ~mask, Outcome.FEW_TOKENS)
    return filtered(batch, mask), gather(tokens, np.flatnonzero(mask)), dropped


def by_file(batch: pa.RecordBatch, mask: NDArray[np.bool_], outcome: Outcome) -> Counter[tuple[int, Outcome]]:
    """Number of rows of `batch` for which `mask` is true, by the number of their file in its group and `outcome`."""
    return Counter((file, outcome) for file in to_numpy(batch.column("file"), np.uint32)[mask].tolist())


def repeated(batch: pa.RecordBatch, tokens: Tokens) -> tuple[pa.RecordBatch, Tokens]:
    """The rows of `batch` and their tokens, each as often as its column copies says."""
    copies = to_numpy(batch.column("copies"), np.uint16)
    if (copies == 1).all():
        return batch, tokens
    rows = np.repeat(np.arange(batch.num_rows), copies)
    return take(batch, rows), gather(tokens, rows)


@dataclass(frozen=True)
class Padding:
    """Settings of --padding max_length: rows are padded with the id `token` to `width` tokens."""

    width: int
    token: int


@dataclass(frozen=True)
class Encoded:
    """A tokenized batch, ready to be written to the splits.

    Attributes:
        kept: the kept rows, as the query returned them.
        tokens: tokens of the kept rows.
        dropped: number of rows that were dropped for their tokens, by the number of their file and by outcome.
        repeated: number of copies among the kept rows, beside the first of each.
        schema: schema of the record batches in `splits`.
        splits: the kept rows in the output columns, by name of the split; without empty splits.
    """

    kept: pa.RecordBatch
    tokens: Tokens
    dropped: Counter[tuple[int, Outcome]]
    repeated: int
    schema: pa.Schema
    splits: dict[str, pa.RecordBatch]

    @property
    def texts(self) -> list[pa.Array]:
        """The texts of the kept rows, or the first and the second texts of pairs."""
        return text_columns(self.kept)

    @property
    def labels(self) -> pa.Array:
        """The labels of the kept rows, of a type of LABEL_TYPES; NULL in unlabelled data."""
        return label_column(self.kept)

    @property
    def repeated_labels(self) -> int:
        """Number of kept rows that name one of their labels several times."""
        if REPEATED_LABELS not in self.kept.schema.names:
            return 0
        return int(to_numpy(self.kept.column(REPEATED_LABELS).cast(pa.uint8()), np.uint8).sum())


@dataclass(frozen=True)
class Preparation:
    """Callable that turns a batch of the query into rows of the splits; thread-safe.

    Attributes:
        encoder: tokenizes the texts, or pairs of texts.
        least: least number of tokens of a row, before truncation (--min-tokens).
        columns: names of the columns to keep (--columns).
        is_labelled: whether rows have labels.
        padding: settings of --padding max_length; None without padding.
        label_type: Arrow type of the labels.
    """

    encoder: Encoder | PairEncoder
    least: int
    columns: tuple[str, ...]
    is_labelled: bool
    padding: Padding | None
    label_type: pa.DataType = field(default_factory=pa.int64)

    def __call__(self, batch: pa.RecordBatch) -> Encoded:
        """Drop filtered rows of `batch`, tokenize the others, and build the columns of the splits."""
        unfiltered = kept_rows(batch)
        whole, tokens, dropped = tokenized(unfiltered, self.encoder, self.least)
        kept, tokens = repeated(whole, tokens)
        schema = self.schema([field.type for field in batch.schema if field.name.startswith(KEPT_PREFIX)])
        splits = {
            name: prepared(kept[rows], tokens[rows], schema, self.padding)
            for name, rows in by_split(to_numpy(kept.column("split"), np.uint8))
        }
        return Encoded(kept, tokens, dropped, kept.num_rows - whole.num_rows, schema, splits)

    def of_item(self, item: tuple[Source, pa.RecordBatch | None]) -> tuple[Source, Encoded | None]:
        """What a batch came from, and the prepared batch; None if there is none."""
        source, batch = item
        return source, None if batch is None else self(batch)

    def schema(self, types: Sequence[pa.DataType]) -> pa.Schema:
        """The schema of the output; `types` are the Arrow types of the columns to keep."""
        kept = [pa.field(name, kind) for name, kind in zip(self.columns, types, strict=True)]
        has_types = isinstance(self.encoder, PairEncoder) and self.encoder.has_types
        return schema(kept, self.is_labelled, self.padding is not None, self.label_type, has_types)


def pieces(batches: Iterable[pa.RecordBatch], most: int = MOST_TEXT_BYTES) -> Iterator[pa.RecordBatch]:
    """Split batches with more than `most` bytes of text, so that long texts do not need more memory."""
    for batch in batches:
        size = sum(column.nbytes for column in text_columns(batch))
        rows = max(batch.num_rows * most // max(size, most), 1)
        for start in range(0, batch.num_rows, rows):
            yield batch.slice(start, rows)


def by_split(splits: NDArray[np.uint8]) -> Iterator[tuple[str, slice]]:
    """Name and slice of rows of each split that is not empty; `splits` are indices in SPLITS, sorted."""
    edges: NDArray[np.int64] = np.searchsorted(splits, np.arange(len(SPLITS) + 1, dtype=np.uint8))
    for name, (start, end) in zip(SPLITS, pairwise(edges.tolist()), strict=True):
        if start < end:
            yield name, slice(start, end)


def prepared(batch: pa.RecordBatch, tokens: Tokens, schema: pa.Schema, padding: Padding | None) -> pa.RecordBatch:
    """Build the output columns (`schema`) from rows of the query and their tokens."""
    labels = [label_column(batch)] if LABELS in schema.names else []
    kept = [batch.column(name) for name in batch.schema.names if name.startswith(KEPT_PREFIX)]
    columns = [*token_columns(tokens, padding), *labels, to_arrow(tokens.lengths), *kept]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def token_columns(tokens: Tokens, padding: Padding | None) -> list[pa.ListArray]:
    """The columns input_ids, of pairs token_type_ids where there are any and, with padding, attention_mask."""
    if padding is not None:
        return padded(tokens, padding.width, padding.token)
    offsets = np.concatenate([[0], np.cumsum(tokens.lengths)]).astype(np.int32)
    return [lists(values, offsets) for values in (tokens.ids, tokens.types) if values is not None]
