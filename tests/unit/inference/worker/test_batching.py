from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mms.context import Context, RequestProcessor

from inference.device import Device
from inference.options import ServingOptions
from inference.worker import batching
from inference.worker.batch_handler import BatchHandler
from inference.worker.batching import most_requests, plan, spread, tokens
from inference.worker.classifier import Classifier
from inference.worker.loading import load
from inference.worker.user_code import UserFunctions

LENGTHS = st.lists(st.integers(1, 600), max_size=200)


@given(LENGTHS, st.integers(1, 2000))
def test_every_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = plan(lengths, budget)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[index] for index in batch)
        assert len(batch) == 1 or len(batch) * longest <= budget


def test_rows_of_a_length_share_a_batch() -> None:
    assert plan([2, 9, 2, 9], 18) == [[1, 3], [0, 2]]


@given(LENGTHS, st.integers(1, 2000), st.integers(1, 12))
def test_spread_is_token_balanced(lengths: list[int], budget: int, count: int) -> None:
    batches = spread(lengths, budget, count)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    largest = max((len(batch) * lengths[batch[0]] for batch in batches), default=0)
    if len(batches) > count:
        assert batches == plan(lengths, budget)
    elif largest > max(lengths, default=0):
        # With one token less per batch there would be more batches.
        assert len(plan(lengths, largest - 1)) > count


def test_two_batches_are_halves() -> None:
    assert spread([5] * 10, 1000, 2) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


def test_the_thread_that_ends_last_counts_with_padding_and_overhead() -> None:
    lengths = [9, 8, 4, 4, 1]
    assert tokens(lengths, [[0], [1], [2, 3], [4]], 1, 10) == 9 + 8 + 8 + 1 + 4 * 10
    # One thread takes 9 and 1, the other 8 and twice 4.
    assert tokens(lengths, [[0], [1], [2, 3], [4]], 2, 10) == 8 + 8 + 2 * 10
    assert tokens(lengths, [[0, 1, 2, 3, 4]], 2, 10) == 5 * 9 + 10


@pytest.mark.parametrize(
    ("requests", "seconds", "share", "most"),
    [
        # Of 32 requests that took 120 ms, 16 take 60 ms.
        (32, 0.120, 2.0, 16),
        # Fast models and GPUs take all.
        (32, 0.045, 2.0, 32),
        (16, 0.020, 1.0, 32),
        (24, 0.060, 1.5, 20),
        # Slow, but larger batches are faster for each request.
        (32, 0.120, 0.1, 32),
        (1, 0.050, 0.1, 32),
        (8, 0.360, 5.0, 16),
    ],
)
def test_a_batch_after_a_long_one_has_fewer_requests(requests: int, seconds: float, share: float, most: int) -> None:
    assert most_requests(32, requests, seconds, share) == most
    assert most_requests(8, requests, seconds, share) == 8


@pytest.mark.parametrize(("batch_tokens", "most"), [(8, 16), (4096, 32)])
def test_the_next_batch_of_a_handler_depends_on_how_full_and_long_its_passes_were(
    batch_tokens: int, most: int, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "LONG_SECONDS", 1e-6)
    classifier = Classifier(load(model_folder, Device(torch.device("cpu"), torch.float32)), batch_tokens)
    batch_handler = BatchHandler(classifier, ServingOptions(), UserFunctions())
    assert batch_handler.most_requests == 32
    context = Context("model", "", {}, 1, None, "")
    context.request_ids, context.request_processor = {0: "id"}, [RequestProcessor({})]
    batch_handler.respond([{"body": b'{"inputs": "good film"}'}], context)
    assert batch_handler.most_requests == most
