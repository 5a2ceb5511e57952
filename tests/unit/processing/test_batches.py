"""Batches of the query."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from processing.batches import mark, pieces
from processing.rows.filters import Outcome


def test_batches_of_much_text_come_in_pieces() -> None:
    batch = pa.RecordBatch.from_pydict({"text": ["x" * 1000] * 100, "number": list(range(100))})
    small = pa.RecordBatch.from_pydict({"text": ["x"], "number": [100]})
    empty = small.slice(0, 0)
    found = list(pieces([batch, small, empty], 10_000))
    assert [row for piece in found for row in piece.column("number").to_pylist()] == list(range(101))
    assert max(piece.num_rows for piece in found) <= 10
    assert len(list(pieces([batch]))) == 1


def test_only_rows_that_would_be_kept_become_duplicates() -> None:
    given = [Outcome.KEPT, Outcome.WHERE, Outcome.OTHER_HOST, Outcome.OVER_MAX_ROWS, Outcome.UNBALANCED]
    batch = pa.RecordBatch.from_arrays([pa.array(given, pa.uint8())], ["outcome"])
    found = mark(batch, np.array([-3, 0, 1, 2, 3, 4, 9])).column("outcome").to_pylist()
    assert found == [Outcome.DUPLICATE, Outcome.WHERE, Outcome.OTHER_HOST, Outcome.DUPLICATE, Outcome.DUPLICATE]
