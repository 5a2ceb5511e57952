"""Disjoint sets."""

from __future__ import annotations

from processing.across_rows.union_find import UnionFind


def test_joined_numbers_have_the_smallest_as_their_leader() -> None:
    sets = UnionFind()
    for first, second in ((9, 7), (3, 5), (7, 5), (2**63, 2**64 - 1)):
        sets.join(first, second)
    numbers, leaders = sets.groups()
    assert numbers.tolist() == [3, 5, 7, 9, 2**63, 2**64 - 1]
    assert leaders.tolist() == [3, 3, 3, 3, 2**63, 2**63]
    assert sets.find(4) == 4
