import numpy as np
import pytest

from training.data.sampler import STRATEGIES, Order, RankBatches

LENGTHS = np.random.default_rng(0).integers(1, 500, size=1003)


def rows_of(order: Order, ranks: int, epoch: int = 0) -> list[list[list[int]]]:
    """Batches by rank."""
    batches = [RankBatches(order, rank, ranks) for rank in range(ranks)]
    for each in batches:
        each.set_epoch(epoch)
    return [list(each) for each in batches]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_row_is_taken_once_an_epoch(strategy: str) -> None:
    order = Order(LENGTHS, 16, seed=1, strategy=strategy)  # type: ignore[arg-type]
    assert sorted(np.concatenate(order.batches(0))) == list(range(len(LENGTHS)))


def test_two_ranks_share_the_batches_of_one() -> None:
    order = Order(LENGTHS, 16, seed=1)
    [one] = rows_of(order, 1)
    first, second = rows_of(order, 2)
    for whole, left, right in zip(one, first, second, strict=True):
        assert sorted(whole) == sorted(left + right)


def test_micro_batches_share_the_steps_of_whole_ones() -> None:
    order = Order(LENGTHS, 16, seed=1)
    [whole] = rows_of(order, 1)
    micro = list(RankBatches(order, 0, 1, accumulation=2))
    assert len(micro) == len(RankBatches(order, 0, 1, accumulation=2)) == 2 * len(whole)
    for i, batch in enumerate(whole):
        assert sorted(batch) == sorted(micro[2 * i] + micro[2 * i + 1])


def test_epochs_differ_and_repeat_themselves() -> None:
    order = Order(LENGTHS, 16, seed=1)
    assert rows_of(order, 1, epoch=0) != rows_of(order, 1, epoch=1)
    assert rows_of(order, 1, epoch=1) == rows_of(Order(LENGTHS, 16, seed=1), 1, epoch=1)


def test_grouping_saves_padding() -> None:
    def cells(strategy: str) -> int:
        batches = Order(LENGTHS, 16, seed=1, strategy=strategy).batches(0)  # type: ignore[arg-type]
        return sum(len(batch) * int(LENGTHS[batch].max()) for batch in batches)

    assert cells("group_by_length") < 1.1 * LENGTHS.sum()
    assert cells("random") > 1.5 * LENGTHS.sum()


def test_the_longest_row_comes_first() -> None:
    first = Order(LENGTHS, 16, seed=1).batches(0)[0]
    assert LENGTHS[first].max() == LENGTHS.max()


def test_a_last_batch_with_fewer_rows_than_ranks_is_filled_up() -> None:
    ranks = rows_of(Order(LENGTHS[:33], 16, seed=1), 4)
    assert [len(batches) for batches in ranks] == [3, 3, 3, 3]
    assert [len(batches[-1]) for batches in ranks] == [1, 1, 1, 1]


def test_drop_last_leaves_whole_batches() -> None:
    batches = RankBatches(Order(LENGTHS[:33], 16, seed=1), 0, 1, drop_last=True)
    assert [len(batch) for batch in batches] == [16, 16]
    assert len(batches) == 2
