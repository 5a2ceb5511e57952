import pytest
import torch

from training.data.collator import PaddingCollator
from training.microbatches import split

LENGTHS = [3, 30, 7, 16, 9, 1, 28]


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    rows = [{"input_ids": [place] * length, "labels": place} for place, length in enumerate(LENGTHS, start=1)]
    return PaddingCollator(pad_id=0)(rows)


@pytest.mark.parametrize("tokens", [0, 1, 64, 100, 10_000])
def test_every_row_comes_once_whole_and_within_the_budget(batch: dict[str, torch.Tensor], tokens: int) -> None:
    seen = {}
    for part in split(batch, tokens, multiple=8):
        rows, width = part["input_ids"].shape
        assert width % 8 == 0
        assert not tokens or rows == 1 or rows * width <= tokens
        for ids, mask, label in zip(part["input_ids"], part["attention_mask"], part["labels"], strict=True):
            seen[int(label)] = int(mask.sum())
            assert ids.tolist() == [int(label)] * int(mask.sum()) + [0] * (width - int(mask.sum()))
    assert seen == dict(enumerate(LENGTHS, start=1))


def test_rows_of_like_length_go_together(batch: dict[str, torch.Tensor]) -> None:
    parts = [part["attention_mask"].sum(1).tolist() for part in split(batch, 64, multiple=8)]
    assert parts == [[30, 28], [16, 9, 7, 3], [1]]


def test_a_batch_that_is_not_split_stays_where_its_memory_is(batch: dict[str, torch.Tensor]) -> None:
    [part] = split(batch, 0, multiple=8)
    assert all(part[name].data_ptr() == batch[name].data_ptr() for name in batch)


def test_padding_at_rest_is_cut_off() -> None:
    rows = [{"input_ids": [5, 6] + [0] * 62, "attention_mask": [1, 1] + [0] * 62, "labels": 0}] * 2
    [part] = split(PaddingCollator(0)(rows), 0, multiple=8)
    assert part["input_ids"].shape == (2, 8)


def test_gradients_add_up_to_that_of_the_batch(batch: dict[str, torch.Tensor]) -> None:
    table = torch.nn.Parameter(torch.randn(10, 4, generator=torch.Generator().manual_seed(0)))

    def loss(part: dict[str, torch.Tensor]) -> torch.Tensor:
        pooled = (table[part["input_ids"]] * part["attention_mask"][:, :, None]).sum(1)
        return torch.nn.functional.cross_entropy(pooled, part["labels"] % 4, reduction="sum")

    loss(batch).backward()
    whole, table.grad = table.grad, None
    for part in split(batch, 64, multiple=8):
        loss(part).backward()
    torch.testing.assert_close(table.grad, whole)
