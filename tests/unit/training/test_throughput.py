"""What a rank counts of its batches."""

import time

import torch

from training.throughput import Counts


def test_padding_is_no_token_and_pauses_are_no_training() -> None:
    counts = Counts()
    with counts.running():
        counts.add(torch.tensor([[1, 1, 0], [1, 0, 0]]))
        with counts.paused():
            time.sleep(0.2)
    assert (counts.rows, counts.tokens, counts.pairs, counts.cells) == (2, 3, 4 + 1, 6)
    assert 0 < counts.seconds < 0.2
