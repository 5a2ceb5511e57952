"""ComparedRows: compares the rows that MinHash proposes, each pair on the host that has its first row.

Every host gets the keys of all rows, and so finds the same pairs. Of a pair that two hosts have, the second row's word
pairs are given to the others; then hosts exchange which rows are similar. The groups are those of one host that has
all rows: the same pairs are compared, and it does not matter who compares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
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
        for one, other in zip(first[own_first].tolist(), second[own_first].tolist(), strict=True):
            if found.find(one) != found.find(other) and pairs.similarity(one, other) >= threshold:
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
        rows: with the columns id and pairs.
    """

    def __init__(self, rows: pa.Table) -> None:
        ids = ids_of(rows)
        self._order = np.argsort(ids, kind="stable")
        self._ids = ids[self._order]
        chunks = rows.column("pairs").chunks
        self._starts = np.cumsum([0, *map(len, chunks)])
        lists = map(flat, chunks)
        self._lists = [(to_numpy(values, np.uint32), offsets) for values, offsets in lists]
        self._of = lru_cache(4096)(self._read)

    def _read(self, row: int) -> NDArray[np.uint32]:
        found = int(np.searchsorted(self._ids, np.uint64(row)))
        if found == len(self._ids) or int(self._ids[found]) != row:
            raise RuntimeError(f"row {row} is compared on a host without its word pairs")
        place = int(self._order[found])
        number = int(np.searchsorted(self._starts, place, side="right")) - 1
        values, offsets = self._lists[number]
        row_in_chunk = place - self._starts[number]
        first, last = offsets[row_in_chunk], offsets[row_in_chunk + 1]
        # np.unique, which has a hash table, takes four times as long for some hundred values.
        ordered = np.sort(values[first:last])
        is_first = np.ones(len(ordered), np.bool_)
        np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
        return ordered[is_first]

    def tables(self, ids: Uint64s) -> Iterator[pa.Table]:
        """Ids and word pairs of the rows `ids`, about EXCHANGED_BYTES at a time."""
        start, size, lists = 0, 0, list[NDArray[np.uint32]]()
        for end, row in enumerate(ids.tolist(), 1):
            lists.append(self._read(row))
            size += lists[-1].nbytes
            if size >= EXCHANGED_BYTES or end == len(ids):
                yield pa.table({"id": to_arrow(ids[start:end]), "pairs": pa.array(lists, pa.list_(pa.uint32()))})
                start, size, lists = end, 0, []

    def similarity(self, first: int, second: int) -> float:
        """Jaccard index of the word pairs of two rows."""
        one, other = self._of(first), self._of(second)
        merged = np.sort(np.concatenate((one, other)))
        both = int(np.count_nonzero(merged[1:] == merged[:-1]))
        return both / max(len(one) + len(other) - both, 1)
