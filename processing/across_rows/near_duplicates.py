"""Near-duplicates: groups of rows whose texts share most of their pairs of consecutive words.

The similarity of two texts is the Jaccard index of their sets of word pairs. MinHash with locality-sensitive hashing
(Broder 1997; Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, chapter 3) proposes pairs of rows, which are then
compared exactly. Case does not matter.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rensa import RMinHash

from processing.across_rows.compared_rows import ROW_BITS, ComparedRows
from processing.across_rows.word_pairs import word_pairs
from processing.arrays import to_arrow, to_numpy
from processing.exchange import Exchange

# Least probability that a pair at the threshold is proposed, and most hashes of a row.
RECALL, MOST_HASHES = 0.99, 64
SEED = 1
Uint64s = NDArray[np.uint64]


def bands(threshold: float) -> tuple[int, int]:
    """Number of bands and of hashes in each: the widest bands that propose a pair at `threshold` with RECALL.

    A pair of similarity s agrees in a band of r hashes with probability s^r; wide bands propose fewer other pairs.
    """
    for width in range(MOST_HASHES, 0, -1):
        chance = min(threshold**width, RECALL)
        count = int(np.ceil(np.log1p(-RECALL) / np.log1p(-chance)))
        if count * width <= MOST_HASHES:
            return count, width
    return MOST_HASHES, 1


class NearDuplicates:
    """Collects the word pairs of all rows in a file on disk, and finds the groups of similar rows.

    Attributes:
        path: the file, in Arrow's IPC format, of about the size of the texts.
    """

    def __init__(self, threshold: float, path: Path) -> None:
        self.threshold, self.path = threshold, path
        self.bands, self.width = bands(threshold)
        self._last = -1
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._sink, self.schema)

    @property
    def schema(self) -> pa.Schema:
        """Of the rows: id, keys (one a band), and pairs (`WordPairs.sets`)."""
        keys, pairs = pa.list_(pa.uint64(), self.bands), pa.list_(pa.uint32())
        return pa.schema([("id", pa.uint64()), ("keys", keys), ("pairs", pairs)])

    def prepared(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows to store of a batch with the columns file, row and text (in lower case)."""
        pairs = word_pairs(batch.column("text"))
        files, rows = to_numpy(batch.column("file"), np.uint64), to_numpy(batch.column("row"), np.int64)
        ids = (files << np.uint64(ROW_BITS)) | rows.astype(np.uint64)
        keys = self.band_keys(pairs.hashes, pairs.offsets)
        # An array of numpy for the offsets would make pyarrow import pandas, which takes a fourth of a second.
        ends = cast("pa.Int32Array", to_arrow(pairs.set_offsets.astype(np.int32)))
        sets = pa.ListArray.from_arrays(ends, to_arrow(pairs.sets))
        lists = pa.FixedSizeListArray.from_arrays(to_arrow(keys.reshape(-1)), self.bands)
        return pa.RecordBatch.from_arrays([to_arrow(ids), lists, sets], schema=self.schema)

    def add(self, rows: pa.RecordBatch) -> None:
        """Store what `prepared` gives, in the order of the files."""
        ids = to_numpy(rows.column("id"), np.uint64)
        if len(ids) and (int(ids[0]) <= self._last or (ids[1:] <= ids[:-1]).any()):
            raise RuntimeError("rows of the first pass are not in the order of the files")
        self._last = int(ids[-1]) if len(ids) else self._last
        self._writer.write_batch(rows)

    def band_keys(self, hashes: Uint64s, offsets: NDArray[np.integer]) -> Uint64s:
        """A number [rows, bands] for the hashes of each band; rows with the same one in a band are proposed."""
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(
            hashes, offsets.astype(np.int64), self.bands * self.width, SEED
        )
        digests = np.array(matrix.to_rows(), np.uint64).reshape(-1, self.bands, self.width)
        keys = np.broadcast_to(np.arange(self.bands, dtype=np.uint64), digests.shape[:2]).copy()
        for place in range(self.width):
            # Of FNV-1a, 64 bits at a time.
            keys = (keys ^ digests[:, :, place]) * np.uint64(0x100000001B3)
            keys ^= keys >> np.uint64(29)
        return keys

    def groups(
        self, connection: duckdb.DuckDBPyConnection, exchange: Exchange | None = None
    ) -> tuple[Uint64s, Uint64s]:
        """The ids of the rows that have near-duplicates, and for each the smallest id of its group.

        Args:
            exchange: gives the rows of other hosts, with whose rows those of this host are compared too.
        """
        self._writer.close()
        self._sink.close()
        with pa.memory_map(str(self.path)) as source:
            rows = pa.ipc.open_file(source).read_all()
            return ComparedRows(connection, rows, exchange or Exchange(), self.path.parent).groups(self.threshold)
