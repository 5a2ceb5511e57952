import pytest
import torch

from training.data.collator import PaddingCollator


def test_rows_are_padded_to_a_multiple_and_masked() -> None:
    batch = PaddingCollator(pad_id=9)(
        [{"input_ids": [1, 2, 3], "labels": 1}, {"input_ids": list(range(11)), "labels": 0}]
    )
    assert batch["input_ids"].shape == (2, 16)
    assert batch["input_ids"][0].tolist() == [1, 2, 3] + [9] * 13
    assert batch["attention_mask"].sum(1).tolist() == [3, 11]
    assert batch["labels"].tolist() == [1, 0]
    assert all(tensor.dtype == torch.int64 for tensor in batch.values())


def test_a_stored_mask_is_kept() -> None:
    rows = [
        {"input_ids": [1, 2, 0, 0], "attention_mask": [1, 1, 0, 0], "labels": 0},
        {"input_ids": [0, 0, 3, 4], "attention_mask": [0, 0, 1, 1], "labels": 0},
    ]
    batch = PaddingCollator(0, multiple=4)(rows)
    assert batch["input_ids"].tolist() == [[1, 2, 0, 0], [3, 4, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 0, 0], [1, 1, 0, 0]]


@pytest.mark.parametrize(
    ("length", "longest", "expected"), [(9, 514, 16), (513, 514, 514), (512, 512, 512), (3, None, 8)]
)
def test_padding_stops_at_the_last_position(length: int, longest: int | None, expected: int) -> None:
    assert PaddingCollator(0, 8, longest).width(length) == expected
