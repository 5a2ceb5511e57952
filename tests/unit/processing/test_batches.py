"""Batches of the query."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from processing.batches import pieces, rejected_classes, repeated
from processing.rows.filters import Outcome
from processing.tokenizing.tokens import Tokens


def test_batches_of_much_text_come_in_pieces() -> None:
    batch = pa.RecordBatch.from_pydict({"text": ["x" * 1000] * 100, "number": list(range(100))})
    small = pa.RecordBatch.from_pydict({"text": ["x"], "number": [100]})
    empty = small.slice(0, 0)
    found = list(pieces([batch, small, empty], 10_000))
    assert [row for piece in found for row in piece.column("number").to_pylist()] == list(range(101))
    assert max(piece.num_rows for piece in found) <= 10
    assert len(list(pieces([batch]))) == 1


def test_rows_and_their_tokens_are_repeated_together() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([7, 8, 9]), pa.array([1, 3, 1], pa.uint16())], names=["id", "copies"])
    lengths = np.array([1, 2, 1])
    tokens = Tokens(np.array([5, 6, 6, 4], np.int32), lengths, lengths)
    rows, ids = repeated(batch, tokens)
    assert rows.column("id").to_pylist() == [7, 8, 8, 8, 9]
    assert (ids.ids.tolist(), ids.lengths.tolist()) == ([5, 6, 6, 6, 6, 6, 6, 4], [1, 2, 2, 2, 1])


def test_rejected_rows_are_counted_by_their_class() -> None:
    outcomes = [Outcome.KEPT, Outcome.NOT_JSON, Outcome.NOT_JSON, Outcome.BAD_LABEL]
    columns: list[pa.Array] = [pa.array(outcomes, pa.uint8()), pa.array([0, 1, 1, None], pa.int64())]
    assert rejected_classes(pa.RecordBatch.from_arrays(columns, names=["outcome", "number"])) == {1: 2}
