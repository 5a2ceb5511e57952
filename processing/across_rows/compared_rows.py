"""ComparedRows: compares the rows that MinHash proposes, each pair on the host that has its first row.

Every host gets the keys of all rows, and so finds the same pairs. Of a pair that two hosts have, the second row's word
pairs are given to the others; then hosts exchange which rows are similar. The groups are those of one host that has
all rows: the same pairs are compared, and it does not matter who compares them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from processing.across_rows.union_find import UnionFind
from processing.arrays import to_arrow, to_numpy
from processing.exchange import Exchange

# A row's id is its file's number, and its own in the lower bits.
ROW_BITS = 40
# Rows whose keys each host gives to the others at once, about 10 MB, and bytes of word pairs.
EXCHANGED_ROWS, EXCHANGED_BYTES = 100_000, 8 * 1024 * 1024
# Pairs of rows that are looked up at once.
COMPARED_ROWS = 16_384
Uint64s = NDArray[np.uint64]


class ComparedRows:
    """The rows of this host, and the keys of those of all hosts.

    Args:
        rows: with the columns id, keys and pairs (see near_duplicates.py), sorted by id.
        folder: for files with what other hosts give, since it may not fit into memory.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, rows: pa.Table, exchange: Exchange, folder: Path) -> None:
        self._connection, self._rows, self._exchange, self._folder = connection, rows, exchange, folder
        self._files = np.unique(ids_of(rows) >> np.uint64(ROW_BITS))

    def groups(self, threshold: float) -> tuple[Uint64s, Uint64s]:
        """The ids of the rows that are similar to others, on all hosts, and for each the smallest id of its group."""
        first, second = self._proposed()
        own_first, own_second = self._is_own(first), self._is_own(second)
        given = np.unique(second[own_second & ~own_first])
        pairs = Pairs(pa.concat_tables([self._rows.select(["id", "pairs"]), self._pairs_of_others(given)]))
        found = UnionFind()
        for one, other, place, place_of_other in pairs.placed(first[own_first], second[own_first]):
            if found.find(one) != found.find(other) and pairs.are_similar(place, place_of_other, threshold):
                found.join(one, other)
        own = pa.table(dict(zip(("id", "leader"), map(to_arrow, found.groups()), strict=True)))
        for part in self._exchange.tables("similar rows", pieces(own)):
            for one, other in zip(*(part.column(name).to_pylist() for name in part.column_names), strict=True):
                found.join(one, other)
        return found.groups()

    def _is_own(self, ids: Uint64s) -> NDArray[np.bool_]:
        return np.isin(ids >> np.uint64(ROW_BITS), self._files)

    def _proposed(self) -> tuple[Uint64s, Uint64s]:
        """Pairs of ids that agree in a band: each row with the first, and with the one before, in sorted order."""
        connection = self._connection
        connection.register("own_keys", self._rows)
        keys = self._rows.select(["id", "keys"]).schema
        connection.register("other_keys", self._stored("keys", self._own_keys(), keys))
        pairs = connection.sql(
            "WITH all_keys AS (SELECT id, keys FROM own_keys WHERE len(pairs) > 0 UNION ALL FROM other_keys), "
            "flat AS (SELECT id, unnest(keys) AS key FROM all_keys), "
            "shared AS (SELECT list(id ORDER BY id) AS ids FROM flat GROUP BY key HAVING count(*) > 1), "
            "chained AS (SELECT unnest(list_zip(ids[:-2], ids[2:])) AS pair FROM shared UNION ALL "
            "SELECT unnest(list_transform(ids[2:], lambda id: (ids[1], id))) FROM shared) "
            "SELECT DISTINCT pair[1] AS first, pair[2] AS second FROM chained ORDER BY ALL"
        ).to_arrow_table()
        connection.unregister("own_keys")
        connection.unregister("other_keys")
        return ids_of(pairs, "first"), ids_of(pairs, "second")

    def _own_keys(self) -> Iterator[pa.Table]:
        with_words = self._connection.sql("SELECT id, keys FROM own_keys WHERE len(pairs) > 0")
        for batch in with_words.to_arrow_reader(EXCHANGED_ROWS):
            yield pa.Table.from_batches([batch])

    def _pairs_of_others(self, given: Uint64s) -> pa.Table:
        """Ids and word pairs that other hosts give; this one gives those of its rows `given`, sorted."""
        return self._stored("pairs", self._own_pairs(given), self._rows.select(["id", "pairs"]).schema)

    def _own_pairs(self, given: Uint64s) -> Iterator[pa.Table]:
        # A single host asks for nothing, and sorts no ids.
        yield from Pairs(self._rows.select(["id", "pairs"])).tables(given)

    def _stored(self, name: str, own: Iterable[pa.Table], schema: pa.Schema) -> pa.Table:
        """The tables that other hosts give, in a file; this one gives `own`."""
        path = self._folder / f"{name}-of-others.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for part in self._exchange.tables(f"{name} of near-duplicates", own):
                writer.write_table(part.cast(schema))
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def pieces(rows: pa.Table) -> Iterator[pa.Table]:
    """`rows`, EXCHANGED_ROWS at a time."""
    for first in range(0, rows.num_rows, EXCHANGED_ROWS):
        yield rows.slice(first, EXCHANGED_ROWS)


def ids_of(rows: pa.Table, column: str = "id") -> Uint64s:
    """The values of a column of ids."""
    return np.concatenate([np.empty(0, np.uint64), *(to_numpy(part, np.uint64) for part in rows.column(column).chunks)])


def flat(lists: pa.Array) -> tuple[pa.Array, NDArray[np.int32]]:
    """The values of all `lists`, and the offset of each list in them, with the end of the last."""
    if not isinstance(lists, pa.ListArray):
        raise TypeError(f"expected lists, got {lists.type}")
    return lists.values, to_numpy(lists.offsets, np.int32)


class Pairs:
    """The word pairs of rows by their ids.

    Args:
        rows: with the columns id and pairs, which are sorted and differ.
    """

    def __init__(self, rows: pa.Table) -> None:
        ids = ids_of(rows)
        self._order = np.argsort(ids, kind="stable")
        self._ids = ids[self._order]
        chunks = rows.column("pairs").chunks
        self._starts = list(accumulate(map(len, chunks), initial=0))
        lists = map(flat, chunks)
        self._lists = [(to_numpy(values, np.uint32), offsets) for values, offsets in lists]
        self._of = lru_cache(4096)(self._read)

    def placed(self, first: Uint64s, second: Uint64s) -> Iterator[tuple[int, int, int, int]]:
        """The ids of each of two rows, and their places."""
        for start in range(0, len(first), COMPARED_ROWS):
            ids = [part[start : start + COMPARED_ROWS] for part in (first, second)]
            yield from zip(*(part.tolist() for part in (*ids, *map(self.places, ids))), strict=True)

    def places(self, ids: Uint64s) -> NDArray[np.intp]:
        """The place of each of the rows `ids`."""
        found = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        missing = ids[self._ids[found] != ids]
        if len(missing):
            raise RuntimeError(f"row {missing[0]} is compared on a host without its word pairs")
        places: NDArray[np.intp] = self._order[found]
        return places

    def _read(self, place: int) -> NDArray[np.uint32]:
        number = bisect_right(self._starts, place) - 1
        values, offsets = self._lists[number]
        row = place - self._starts[number]
        return values[offsets[row] : offsets[row + 1]]

    def tables(self, ids: Uint64s) -> Iterator[pa.Table]:
        """Ids and word pairs of the rows `ids`, about EXCHANGED_BYTES at a time."""
        start, size, lists = 0, 0, list[NDArray[np.uint32]]()
        for end, place in enumerate(self.places(ids).tolist(), 1):
            lists.append(self._read(place))
            size += lists[-1].nbytes
            if size >= EXCHANGED_BYTES or end == len(ids):
                yield pa.table({"id": to_arrow(ids[start:end]), "pairs": pa.array(lists, pa.list_(pa.uint32()))})
                start, size, lists = end, 0, []

    def are_similar(self, first: int, second: int, threshold: float) -> bool:
        """Whether the Jaccard index of the word pairs of the rows at two places is at least `threshold`."""
        one, other = self._of(first), self._of(second)
        merged = np.concatenate((one, other))
        merged.sort()
        both = int(np.count_nonzero(merged[1:] == merged[:-1]))
        return both / max(len(merged) - both, 1) >= threshold
