"""Query batches to rows of the splits: drops filtered rows, tokenizes, and builds the output columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from processing.arrays import take, to_arrow, to_numpy
from processing.rows.filters import Outcome
from processing.rows.split import SPLITS
from processing.tokenizing.encoder import Encoder, Tokens, gather
from processing.tokenizing.padding import lists, padded
from processing.writing.writer import LABELS, schema

KEPT_PREFIX = "kept_"
MOST_TEXT_BYTES = 8 * 1024 * 1024
REPLACED = (Outcome.KEPT, Outcome.OVER_MAX_ROWS, Outcome.UNBALANCED)


def outcomes(batch: pa.RecordBatch) -> dict[Outcome, int]:
    """How many rows of `batch` had which outcome."""
    counts = np.bincount(to_numpy(batch.column("outcome"), np.uint8), minlength=len(Outcome))
    return {Outcome(number): int(count) for number, count in enumerate(counts) if count}


def mark(batch: pa.RecordBatch, duplicates: NDArray[np.int64]) -> pa.RecordBatch:
    """`batch` with the rows at the positions `duplicates` filtered as such; others lie outside it.

    Only rows that would be kept here, or be cut off for size: another host counts its own.
    """
    here = duplicates[(duplicates >= 0) & (duplicates < batch.num_rows)]
    if not len(here):
        return batch
    found = to_numpy(batch.column("outcome"), np.uint8).copy()
    found[here[np.isin(found[here], REPLACED)]] = Outcome.DUPLICATE
    return batch.set_column(batch.schema.get_field_index("outcome"), "outcome", to_arrow(found))


def kept_rows(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows of `batch` that are kept, sorted by split and in their order within each."""
    rows = np.flatnonzero(to_numpy(batch.column("outcome"), np.uint8) == Outcome.KEPT)
    splits = to_numpy(batch.column("split"), np.uint8)[rows]
    return batch.take(to_arrow(rows[np.argsort(splits, kind="stable")]))


def tokenized(batch: pa.RecordBatch, encoder: Encoder, least: int) -> tuple[pa.RecordBatch, Tokens]:
    """The rows of `batch` that have at least `least` tokens before they are cut, and their tokens."""
    tokens = encoder.encode(batch.column("text"))
    wanted = tokens.full_lengths >= least
    return take(batch, wanted), tokens if wanted.all() else gather(tokens, np.flatnonzero(wanted))


@dataclass(frozen=True)
class Fill:
    """What --padding max_length fills rows with: `token`, up to `width` tokens."""

    width: int
    token: int


@dataclass(frozen=True)
class Encoded:
    """A batch on its way from the query to the splits.

    Attributes:
        kept: the rows that are kept, as the query returned them.
        tokens: of those rows.
        dropped: rows that had too few tokens.
        schema: of the rows in `splits`.
        splits: the same rows as they are written, for each split that has some.
    """

    kept: pa.RecordBatch
    tokens: Tokens
    dropped: int
    schema: pa.Schema
    splits: dict[str, pa.RecordBatch]


@dataclass(frozen=True)
class Preparation:
    """What turns a batch of the query into rows of the splits, on any thread.

    Attributes:
        least: fewest tokens of a row, before it is cut.
        columns: names of the kept columns.
        fill: what rows are padded with; None where they are not.
    """

    encoder: Encoder
    least: int
    columns: tuple[str, ...]
    is_labelled: bool
    fill: Fill | None

    def __call__(self, batch: pa.RecordBatch) -> Encoded:
        """The kept rows of `batch` that have enough tokens."""
        wanted = kept_rows(batch)
        kept, tokens = tokenized(wanted, self.encoder, self.least)
        schema = self.schema([field.type for field in batch.schema if field.name.startswith(KEPT_PREFIX)])
        splits = {
            name: prepared(kept[rows], tokens[rows], schema, self.fill)
            for name, rows in by_split(to_numpy(kept.column("split"), np.uint8))
        }
        return Encoded(kept, tokens, wanted.num_rows - kept.num_rows, schema, splits)

    def schema(self, types: Sequence[pa.DataType]) -> pa.Schema:
        """The columns of a prepared row; `types` are those of the kept ones."""
        kept = [pa.field(name, kind) for name, kind in zip(self.columns, types, strict=True)]
        return schema(kept, self.is_labelled, self.fill is not None)


def pieces(batches: Iterable[pa.RecordBatch], most: int = MOST_TEXT_BYTES) -> Iterator[pa.RecordBatch]:
    """`batches`, those with much text in several pieces, so that few long texts need no more memory than many short."""
    for batch in batches:
        rows = max(batch.num_rows * most // max(batch.column("text").nbytes, most), 1)
        for start in range(0, batch.num_rows, rows):
            yield batch.slice(start, rows)


def by_split(splits: NDArray[np.uint8]) -> Iterator[tuple[str, slice]]:
    """Where the rows of each split are that has some; `splits` holds each row's position in SPLITS, ascending."""
    edges: NDArray[np.int64] = np.searchsorted(splits, np.arange(len(SPLITS) + 1, dtype=np.uint8))
    for name, (start, end) in zip(SPLITS, pairwise(edges.tolist()), strict=True):
        if start < end:
            yield name, slice(start, end)


def prepared(batch: pa.RecordBatch, tokens: Tokens, schema: pa.Schema, fill: Fill | None) -> pa.RecordBatch:
    """The rows of `batch` in the columns of `schema`."""
    labels = [batch.column("number")] if LABELS in schema.names else []
    kept = [batch.column(name) for name in batch.schema.names if name.startswith(KEPT_PREFIX)]
    columns = [*token_columns(tokens, fill), *labels, to_arrow(tokens.lengths), *kept]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def token_columns(tokens: Tokens, fill: Fill | None) -> tuple[pa.ListArray, ...]:
    if fill is not None:
        return padded(tokens, fill.width, fill.token)
    return (lists(tokens.ids, np.concatenate([[0], np.cumsum(tokens.lengths)]).astype(np.int32)),)
