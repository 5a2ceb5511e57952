from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mms.context import Context, RequestProcessor

from inference.device import Device
from inference.options import ServingOptions
from inference.worker import progress as module
from inference.worker.batch_handler import PART_SECONDS, BatchHandler
from inference.worker.batch_request import BatchRequest
from inference.worker.classifier import Classifier
from inference.worker.loading import load
from inference.worker.parallel import ParallelPasses
from inference.worker.progress import Progress, shares, to_tokenize, window_end
from inference.worker.request import Request, Text
from inference.worker.tokenization import Encoded
from inference.worker.user_code import UserFunctions


@pytest.fixture(scope="module")
def classifier(model_folder: Path) -> Classifier:
    return Classifier(load(model_folder, Device(torch.device("cpu"), torch.float32)), 4096)


def row(length: int, truncated: bool = False) -> Encoded:
    return Encoded([1] * length, [0] * length, truncated)


@pytest.mark.parametrize(
    ("lengths", "budget", "expected"),
    [
        # Short requests are answered at once, long ones share what is left.
        ([[10], [50] * 100, [10]], 220, [1, 4, 1]),
        ([[50] * 100, [50] * 100], 200, [2, 2]),
        ([[50, 40, 30], [5]], 10_000, [3, 1]),
        # Each gets one text at least.
        ([[500, 500], [500, 500]], 100, [1, 1]),
        ([[30]] * 40, 100, [1] * 40),
        # What a request leaves of its share goes to the others.
        ([[10] * 3, [10] * 100], 100, [3, 7]),
        ([], 100, []),
    ],
)
def test_long_requests_share_what_short_ones_leave(lengths: list[list[int]], budget: int, expected: list[int]) -> None:
    assert shares(lengths, budget) == expected


def test_shares_keep_to_the_budget_but_for_one_text_each() -> None:
    rng = random.Random(1)
    for _ in range(200):
        lengths = [[rng.randrange(1, 100) for _ in range(rng.randrange(1, 30))] for _ in range(rng.randrange(1, 10))]
        counts = shares(lengths, 500)
        assert all(1 <= count <= len(row) for count, row in zip(counts, lengths, strict=True))
        beyond = [row[: count - 1] for count, row in zip(counts, lengths, strict=True)]
        assert sum(map(sum, beyond)) <= 500
        if any(count < len(row) for count, row in zip(counts, lengths, strict=True)):
            assert sum(sum(row[:count]) for count, row in zip(counts, lengths, strict=True)) > 500 / len(lengths) - 100


def test_texts_are_taken_longest_first_and_window_by_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW_TEXTS", 3)
    texts = [Text("a" * length) for length in (2, 5, 3, 1, 4)]
    progress = Progress(Request(texts), divisible=True)
    taken: list[int] = []
    while True:
        if not progress.rows:
            progress.set_rows([row(len(text.text), len(text.text) > 3) for text in progress.window().texts])
        indices, rows = progress.take(2)
        assert [len(texts[index].text) for index in indices] == [len(each) for each in rows]
        taken += indices
        progress.add(indices, [str(len(each)) for each in rows])
        if progress.is_finished():
            break
    assert taken == [1, 2, 0, 4, 3]
    assert progress.predictions == ["2", "5", "3", "1", "4"]
    assert progress.all_truncated() == 2


def test_an_indivisible_request_is_one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW_TEXTS", 3)
    request = Request([Text("a")] * 5)
    assert Progress(request).window() == request


def test_windows_are_limited_in_characters_and_have_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW_CHARACTERS", 10)
    texts = [Text("a" * 50), Text("a" * 5, "b" * 5), Text("a")]
    assert [window_end(texts, start) for start in range(3)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        ([90, 90, 5, 60, 40], [0, 2]),
        ([40, 60, 90, 5, 1], [0, 1, 3, 4]),
        ([500, 5, 500, 6], [0, 1]),
        ([5, 100, 5, 90], [0, 2, 3]),
        ([], []),
    ],
)
def test_long_windows_are_tokenized_one_after_the_other_and_short_ones_at_once(
    sizes: list[int], chosen: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WINDOW_CHARACTERS", 100)
    monkeypatch.setattr(module, "SHORT_CHARACTERS", 5)
    requests = [Request([Text("x" * size)]) for size in sizes]
    assert to_tokenize([Progress(request, divisible=True) for request in requests]) == chosen
    assert to_tokenize([Progress(request) for request in requests]) == list(range(len(sizes)))


def test_a_request_that_is_not_tokenized_yet_is_answered_by_a_later_batch(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WINDOW_CHARACTERS", 20)
    monkeypatch.setattr(module, "SHORT_CHARACTERS", 5)
    batch_handler = BatchHandler(classifier, ServingOptions(), UserFunctions())
    entries = []
    for text in ("good film good film", "bad film bad film", "dull"):
        context = Context("model", "", {}, 1, None, "")
        context.request_ids, context.request_processor = {0: "id"}, [RequestProcessor({})]
        entries.append(BatchRequest(0, context, {"body": json.dumps({"inputs": text}).encode()}))
    batch_handler.advance(entries)
    assert [entry.is_finished for entry in entries] == [True, False, True]
    batch_handler.advance([entries[1]])
    assert entries[1].finish().startswith(b'[{"label":')


@pytest.mark.parametrize(("rate", "passes"), [(0.0, 1), (1.4, 1), (1.7, 2), (5.2, 5)])
def test_a_part_of_a_long_request_is_a_number_of_full_passes(classifier: Classifier, rate: float, passes: int) -> None:
    batch_handler = BatchHandler(classifier, ServingOptions(), UserFunctions())
    batch_handler._tokens_per_second = rate * classifier.batch_tokens / PART_SECONDS
    assert batch_handler._budget(longest=1) == passes * classifier.batch_tokens


def test_a_part_of_a_long_request_has_a_text_for_each_thread(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.worker.batch_handler.PART_SECONDS", 0)
    threads = replace(classifier, parallel=ParallelPasses(3), batch_tokens=8)
    batch_handler = BatchHandler(threads, ServingOptions(), UserFunctions())
    context = Context("model", "", None, 1, None, "")
    context.request_processor = [RequestProcessor({"body": {}})]
    entry = BatchRequest(0, context, {"body": json.dumps({"inputs": ["a text of five words"] * 7}).encode()})
    parts = []
    while not entry.is_finished:
        batch_handler.advance([entry])
        parts.append(len(entry.rows))
    assert parts == [3, 3, 1]
