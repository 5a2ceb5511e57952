"""Groups of texts that share most of their word pairs, on planted copies."""

from __future__ import annotations

import random
from itertools import combinations, pairwise
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from processing.across_rows.compared_rows import ROW_BITS
from processing.across_rows.near_duplicates import NearDuplicates, bands

WORDS = [f"word{number}" for number in range(400)]


def groups(texts: list[str], threshold: float, folder: Path) -> set[frozenset[int]]:
    """The groups of near-duplicates of `texts` in file number 1, by their places."""
    connection = duckdb.connect()
    found = NearDuplicates(threshold, folder / "pairs.arrow")
    connection.execute("CREATE TABLE t AS SELECT unnest(?::VARCHAR[]) AS text", [texts])
    query = "SELECT CAST(1 AS UBIGINT) AS file, row_number() OVER () - 1 AS row, lower(text) AS text FROM t"
    for batch in connection.sql(query).to_arrow_reader(100):
        found.add(found.prepared(batch))
    ids, leaders = found.groups(connection)
    places = {
        leader: frozenset((ids[leaders == leader] - (1 << ROW_BITS)).tolist()) for leader in set(leaders.tolist())
    }
    return set(places.values())


def word_pairs(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return {*pairwise(words)} or {tuple(words)}


def test_planted_copies_are_found_and_nothing_else(tmp_path: Path) -> None:
    pick = random.Random(3)
    texts = [" ".join(pick.choices(WORDS, k=pick.randint(30, 80))) for _ in range(600)]
    for number in range(150):
        words = texts[number].split()
        for place in pick.sample(range(len(words)), pick.randint(0, 4)):
            words[place] = pick.choice(WORDS)
        texts.append(" ".join(words))
    expected = {
        pair
        for pair in combinations(range(len(texts)), 2)
        if len(word_pairs(texts[pair[0]]) & word_pairs(texts[pair[1]])) * 10
        >= 8 * len(word_pairs(texts[pair[0]]) | word_pairs(texts[pair[1]]))
    }
    found = {pair for group in groups(texts, 0.8, tmp_path) for pair in combinations(sorted(group), 2)}
    assert 60 < len(expected) < 150
    # Pairs are compared exactly, so none is wrong.
    assert found <= expected
    assert len(found) >= 0.97 * len(expected)


def test_case_and_punctuation_do_not_matter_and_groups_are_chained(tmp_path: Path) -> None:
    texts = [
        "Call now, win a prize!",
        "call NOW win a prize",
        "other",
        "...",
        "!!!",
        "Other.",
        "",
        "a b c d e f g h i j",
    ]
    assert groups([*texts, "a b c d e f g h i k"], 0.8, tmp_path) == {
        frozenset({0, 1}),
        frozenset({2, 5}),
        frozenset({7, 8}),
    }


@pytest.mark.parametrize(("threshold", "expected"), [(0.8, (12, 5)), (1.0, (1, 64)), (0.01, (64, 1))])
def test_bands_propose_a_pair_at_the_threshold(threshold: float, expected: tuple[int, int]) -> None:
    number, width = bands(threshold)
    assert (number, width) == expected
    assert threshold < 0.1 or 1 - (1 - threshold**width) ** number >= 0.99


def test_rows_that_are_not_in_order_are_a_bug(tmp_path: Path) -> None:
    found = NearDuplicates(0.8, tmp_path / "pairs.arrow")
    columns: list[pa.Array] = [
        pa.array([0, 0], pa.uint64()),
        pa.array([1, 0]),
        pa.array(["one", "other"]),
    ]
    rows = found.prepared(pa.RecordBatch.from_arrays(columns, names=["file", "row", "text"]))
    with pytest.raises(RuntimeError, match="not in the order"):
        found.add(rows)
