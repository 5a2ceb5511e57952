"""Near-duplicates: groups of rows whose texts share most of their pairs of consecutive words.

The similarity of two texts is the Jaccard index of their sets of word pairs. MinHash with locality-sensitive hashing
(Broder 1997; Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, chapter 3) proposes pairs of rows, which are then
compared exactly. Words are separated by white space and common punctuation; case does not matter.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rensa import RMinHash

from processing.across_rows.union_find import UnionFind
from processing.arrays import to_arrow, to_numpy

# Least probability that a pair at the threshold is proposed, and most hashes of a row.
RECALL, MOST_HASHES = 0.99, 64
SEED = 1
# A row's id is its file's number, and its own in the lower bits.
ROW_BITS = 40
SEPARATORS = ("\n", "\t", ".", ",", "!", "?")
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


def words_sql() -> str:
    """SQL for the words (VARCHAR[]) of the column `text`."""
    text = "lower(text)"
    for separator in SEPARATORS:
        text = f"replace({text}, chr({ord(separator)}), ' ')"
    return f"list_filter(string_split({text}, ' '), lambda word: word <> '')"


def word_pairs_sql() -> str:
    """SQL for the hashes (UBIGINT[]) of the pairs of consecutive words of the column `words`, or of its only word."""
    pairs = "list_zip(words[:greatest(len(words) - 1, 1)], words[2:])"
    return f"list_transform({pairs}, lambda pair: hash(pair))"


class NearDuplicates:
    """Collects the word pairs of all rows in a file on disk, and finds the groups of similar rows.

    Attributes:
        path: the file, an Arrow stream, of about the size of the texts.
    """

    def __init__(self, threshold: float, path: Path) -> None:
        self.threshold, self.path = threshold, path
        self.bands, self.width = bands(threshold)
        self._sink = pa.OSFile(str(path), "wb")
        self._last = -1
        self._writer: pa.ipc.RecordBatchFileWriter | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Store the rows of a batch with the columns file, row and pairs (hashes of word pairs)."""
        values, offsets = flat(batch.column("pairs"))
        hashes = to_numpy(values, np.uint64)[offsets[0] : offsets[-1]]
        offsets = offsets - offsets[0]
        files, rows = to_numpy(batch.column("file"), np.uint64), to_numpy(batch.column("row"), np.int64)
        ids = (files << np.uint64(ROW_BITS)) | rows.astype(np.uint64)
        if len(ids) and (int(ids[0]) <= self._last or (ids[1:] <= ids[:-1]).any()):
            raise RuntimeError("rows of the first pass are not in the order of the files")
        self._last = int(ids[-1]) if len(ids) else self._last
        keys = self.band_keys(hashes, offsets)
        # 32 bits of each hash are enough to compare two rows, and take half the space.
        short = pa.ListArray.from_arrays(offsets.astype(np.int32), to_arrow((hashes >> 32).astype(np.uint32)))
        lists = pa.FixedSizeListArray.from_arrays(to_arrow(keys.reshape(-1)), self.bands)
        part = pa.RecordBatch.from_arrays([to_arrow(ids), lists, short], names=["id", "keys", "pairs"])
        if self._writer is None:
            self._writer = pa.ipc.new_file(self._sink, part.schema)
        self._writer.write_batch(part)

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

    def groups(self, connection: duckdb.DuckDBPyConnection) -> tuple[Uint64s, Uint64s]:
        """The ids of the rows that have near-duplicates, and for each the smallest id of its group."""
        if self._writer is not None:
            self._writer.close()
        self._sink.close()
        if self._writer is None:
            return np.empty(0, np.uint64), np.empty(0, np.uint64)
        with pa.memory_map(str(self.path)) as source:
            rows = pa.ipc.open_file(source).read_all()
            found = UnionFind()
            pairs = Pairs(rows)
            for first, second in proposed(connection, rows):
                if found.find(first) != found.find(second) and pairs.similarity(first, second) >= self.threshold:
                    found.join(first, second)
        return found.groups()


def proposed(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> list[tuple[int, int]]:
    """Pairs of ids that agree in a band: each row with the first, and with the one before, in sorted order."""
    connection.register("near_rows", rows)
    pairs: list[tuple[int, int]] = connection.execute(
        "WITH flat AS (SELECT id, unnest(keys) AS key FROM near_rows WHERE len(pairs) > 0), "
        "shared AS (SELECT list(id ORDER BY id) AS ids FROM flat GROUP BY key HAVING count(*) > 1), "
        "chained AS (SELECT unnest(list_zip(ids[:-2], ids[2:])) AS pair FROM shared UNION ALL "
        "SELECT unnest(list_transform(ids[2:], lambda id: (ids[1], id))) FROM shared) "
        "SELECT DISTINCT pair[1], pair[2] FROM chained ORDER BY ALL"
    ).fetchall()
    connection.unregister("near_rows")
    return pairs


def flat(lists: pa.Array) -> tuple[pa.Array, NDArray[np.int32]]:
    """The values of all `lists`, and the offset of each list in them, with the end of the last."""
    if not isinstance(lists, pa.ListArray):
        raise TypeError(f"expected lists, got {lists.type}")
    return lists.values, to_numpy(lists.offsets, np.int32)


class Pairs:
    """The word pairs of rows by their ids."""

    def __init__(self, rows: pa.Table) -> None:
        self._ids = np.concatenate([to_numpy(chunk, np.uint64) for chunk in rows.column("id").chunks])
        self._chunks = rows.column("pairs").chunks
        self._starts = np.cumsum([0, *(len(chunk) for chunk in self._chunks)])
        self._of = lru_cache(4096)(self._read)

    def _read(self, row: int) -> NDArray[np.uint32]:
        place = int(np.searchsorted(self._ids, np.uint64(row)))
        number = int(np.searchsorted(self._starts, place, side="right")) - 1
        chunk = self._chunks[number]
        values, offsets = flat(chunk)
        first, last = offsets[place - self._starts[number] :][:2]
        return np.unique(to_numpy(values, np.uint32)[first:last])

    def similarity(self, first: int, second: int) -> float:
        """Jaccard index of the word pairs of two rows."""
        one, other = self._of(first), self._of(second)
        both = len(np.intersect1d(one, other, assume_unique=True))
        return both / max(len(one) + len(other) - both, 1)
