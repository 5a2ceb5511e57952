"""Hosts that compare pairs of rows find the groups that one host with all rows finds, and send few word pairs."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from contract.hosts import Hosts
from contract.local_server import free_port
from processing.across_rows import compared_rows
from processing.across_rows.compared_rows import ROW_BITS, ComparedRows, Pairs
from processing.exchange import Exchange

NAMES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
Groups = dict[int, int]


class Counting(Exchange):
    """Counts the rows of which this host gives word pairs."""

    given = 0

    def tables(self, name: str, own: Iterable[pa.Table]) -> Iterator[pa.Table]:
        kept = list(own)
        if name.startswith("pairs"):
            self.given += sum(part.num_rows for part in kept)
        return super().tables(name, kept)


def rows(files: Iterable[int]) -> pa.Table:
    """Forty rows of each file; every third is one of ten texts with a word pair changed, and the last has no words."""
    ids, keys, pairs = [], [], []
    for file in files:
        pick = random.Random(file)
        for row in range(40):
            text = row % 10 if row % 3 == 0 else 1000 * file + row
            words = [] if row == 39 else [100 * text + place for place in range(20)]
            if words:
                words[pick.randrange(20)] = pick.randrange(10**6)
            ids.append(file << ROW_BITS | row)
            keys.append([2 * text, 2 * pick.randrange(300) + 1])
            pairs.append(words)
    columns = [
        pa.array(ids, pa.uint64()),
        pa.array(keys, pa.list_(pa.uint64(), 2)),
        pa.array(pairs, pa.list_(pa.uint32())),
    ]
    return pa.table(columns, names=["id", "keys", "pairs"])


def groups(files: Iterable[int], exchange: Exchange, folder: Path) -> Groups:
    folder.mkdir()
    with exchange:
        found = ComparedRows(duckdb.connect(), rows(files), exchange, folder).groups(0.7)
        exchange.finish()
    return dict(zip(*(numbers.tolist() for numbers in found), strict=True))


def test_hosts_find_the_groups_of_one_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared_rows, "EXCHANGED_ROWS", 7)
    monkeypatch.setattr(compared_rows, "EXCHANGED_BYTES", 200)
    one = groups(range(9), Exchange(), tmp_path / "one")
    assert len(set(one.values())) > 5 and len(one) > 100
    port = free_port()
    exchanges = [Counting(Hosts(name, NAMES), port) for name in NAMES]

    def work(rank: int) -> Groups:
        return groups(range(rank, 9, 3), exchanges[rank], tmp_path / str(rank))

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(work, range(3))) == [one] * 3
    # Most rows are compared with none, or on their own host.
    assert 0 < sum(exchange.given for exchange in exchanges) < 200


def test_a_row_that_is_not_there_is_a_bug() -> None:
    with pytest.raises(RuntimeError, match="row 5 is compared on a host without its word pairs"):
        Pairs(rows([0]).slice(0, 5)).places(np.array([1, 5], np.uint64))
