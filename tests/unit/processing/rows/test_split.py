"""The split of a row depends only on its text, the seed and the ratios."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.processing.jobs import Write, as_tsv, everything, run

from processing.rows.hashes import owner_sql
from processing.rows.split import bounds, split_sql


def splits(keys: list[str], ratios: tuple[float, float, float], seed: int = 42) -> list[int]:
    query = f"SELECT {split_sql(ratios, seed)} FROM (SELECT unnest(?::VARCHAR[]) AS key)"
    return [number for (number,) in duckdb.connect().execute(query, [keys]).fetchall()]


def by_hand(key: str, ratios: tuple[float, float, float], seed: int) -> int:
    first_eight = hashlib.md5(f"{seed}:{key}".encode(), usedforsecurity=False).digest()[:8]
    u = int.from_bytes(first_eight, "little") / 2**64
    return 0 if u < ratios[0] else 1 if u < ratios[0] + ratios[1] else 2


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=20), st.integers(-5, 2**40))
def test_is_md5_of_seed_and_text(keys: list[str], seed: int) -> None:
    ratios = (0.6, 0.25, 0.15)
    assert splits(keys, ratios, seed) == [by_hand(key, ratios, seed) for key in keys]


def test_sizes_are_within_sampling_error_and_a_seed_changes_them() -> None:
    keys = [f"review {number}" for number in range(20_000)]
    found = splits(keys, (0.8, 0.1, 0.1))
    for number, share in enumerate((0.8, 0.1, 0.1)):
        sigma = (share * (1 - share) / len(keys)) ** 0.5
        assert abs(found.count(number) / len(keys) - share) < 5 * sigma
    assert splits(keys, (0.8, 0.1, 0.1), seed=7) != found


def test_a_split_without_share_has_no_row() -> None:
    assert bounds((0.9, 0.1, 0.0)) == (round(0.9 * 2**64), 2**64)
    assert bounds((1.0, 0.0, 0.0)) == (2**64, 2**64)
    keys = [str(number) for number in range(2000)]
    assert set(splits(keys, (0.9, 0.1, 0.0))) == {0, 1}
    assert set(splits(keys, (0.5, 0.0, 0.5))) == {0, 2}


def test_hosts_are_independent_of_splits() -> None:
    query = (
        f"SELECT {owner_sql()} % 3, {split_sql((0.5, 0.25, 0.25), 42)}, count(*) "
        "FROM (SELECT 'row ' || range AS text, text AS key FROM range(30000)) GROUP BY ALL"
    )
    rows = duckdb.connect().execute(query).fetchall()
    assert len(rows) == 9
    for _, split, count in rows:
        assert abs(count - (5000 if split == 0 else 2500)) < 350


def test_groups_stay_together(written: Write, tmp_path: Path, wordpiece: Path) -> None:
    data = [[f"g{n % 40}", f"text {n}", str(n % 2)] for n in range(600)]
    run(tmp_path, input=str(written("a.tsv", as_tsv(data))), tokenizer=str(wordpiece), columns=("id",), group_by="id")
    places: dict[str, set[str]] = {}
    for split, found in everything(tmp_path).items():
        for row in found:
            places.setdefault(row[0], set()).add(split)
    assert len(places) == 40
    assert all(len(splits) == 1 for splits in places.values())
