"""Query results to record batches of the splits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from processing.filters import Outcome
from processing.split import SPLITS
from processing.tokenize import Encoder, Tokens

KEPT_PREFIX = "kept_"


def outcomes(batch: pa.RecordBatch) -> dict[Outcome, int]:
    """How many rows of `batch` had which outcome."""
    counts = np.bincount(batch.column("outcome").to_numpy(), minlength=len(Outcome))
    return {Outcome(number): int(count) for number, count in enumerate(counts) if count}


def kept_rows(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.filter(pc.equal(batch.column("outcome"), int(Outcome.KEPT)))


def tokenized(batch: pa.RecordBatch, encoder: Encoder, schema: pa.Schema) -> tuple[pa.RecordBatch, Tokens]:
    """The rows of `batch`, which are all kept, in the columns of `schema`."""
    tokens = encoder.encode(batch.column("text").to_pylist())
    offsets = np.concatenate([[0], np.cumsum(tokens.lengths)]).astype(np.int32)
    ids = pa.ListArray.from_arrays(pa.array(offsets), pa.array(tokens.ids))
    kept = [batch.column(name) for name in batch.schema.names if name.startswith(KEPT_PREFIX)]
    columns = [ids, batch.column("number"), pa.array(tokens.lengths), *kept]
    return pa.RecordBatch.from_arrays(columns, schema=schema), tokens


def by_split(rows: pa.RecordBatch, split: pa.Array) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The rows of each split that has some."""
    for number, name in enumerate(SPLITS):
        mine = rows.filter(pc.equal(split, number))
        if mine.num_rows:
            yield name, mine
