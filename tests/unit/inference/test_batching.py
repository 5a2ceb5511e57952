from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inference.batching import plan

LENGTHS = st.lists(st.integers(1, 600), max_size=200)


@given(LENGTHS, st.integers(1, 2000), st.booleans())
def test_every_row_once_within_the_budget(lengths: list[int], budget: int, ragged: bool) -> None:
    batches = plan(lengths, budget, ragged)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[index] for index in batch)
        assert len(batch) == 1 or len(batch) * longest <= budget
        assert ragged or {lengths[index] for index in batch} == {longest}


def test_rows_of_a_length_share_a_batch() -> None:
    assert plan([2, 9, 2, 9], 18) == [[1, 3], [0, 2]]
