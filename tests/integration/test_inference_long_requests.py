"""Long requests are answered in parts, with short requests in between, by the worker's handler and by the server."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from inference_server import running
from mms.context import Context, RequestProcessor
from unit.inference.tiny import LABELS, WORDS, write_model

from inference.continuation import CURSOR_HEADER, Parts
from inference.device import Device
from inference.envelope import unpack
from inference.options import ServingOptions
from inference.worker import batch_handler as module
from inference.worker import progress
from inference.worker.batch_handler import BatchHandler
from inference.worker.classifier import Classifier
from inference.worker.loading import load
from inference.worker.tokenization import Encoded
from inference.worker.user_code import UserFunctions

pytestmark = pytest.mark.integration

BUDGET = 128
Answer = tuple[int, dict[str, str], bytes]


def texts(count: int, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=rng.randrange(1, 60))) for _ in range(count)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def worker(folder: Path, monkeypatch: pytest.MonkeyPatch) -> BatchHandler:
    monkeypatch.setattr(module, "PART_SECONDS", 0.0)
    monkeypatch.setattr(progress, "WINDOW_TEXTS", 16)
    return make_worker(folder)


def make_worker(folder: Path) -> BatchHandler:
    model = Classifier(load(folder, Device(torch.device("cpu"), torch.float32)), BUDGET)
    return BatchHandler(model, ServingOptions(), UserFunctions())


def respond(worker: BatchHandler, requests: Sequence[tuple[bytes, dict[str, str]]]) -> list[Answer]:
    """The worker's responses to one batch of bodies with headers."""
    context = Context("model", "", None, len(requests), None, "")
    context.request_ids = {index: f"id-{index}" for index in range(len(requests))}
    context.request_processor = [RequestProcessor(headers) for _, headers in requests]
    bodies: list[dict[str, Any]] = [{"body": bytearray(body)} for body, _ in requests]
    answers = [unpack(envelope) for envelope in worker.respond(bodies, context)]
    return [answer for answer in answers if answer]


def answer_in_parts(workers: Sequence[BatchHandler], body: bytes, headers: dict[str, str]) -> tuple[Answer, int]:
    """The response that the front joins, with a worker chosen at random for each part, and the number of parts."""
    parts, rng = Parts(1), random.Random(2)
    for count in range(1, 1000):
        (answer,) = respond(
            [*workers][rng.randrange(len(workers))], [(parts.body(body), headers | dict(parts.headers()))]
        )
        whole = parts.add(answer[1], answer[2])
        if whole is not None:
            return (answer[0], answer[1], whole), count
    raise AssertionError("the request is never finished")


@pytest.mark.parametrize("shape", ["inputs", "instances"])
@pytest.mark.parametrize("accept", ["application/json", "application/jsonlines", "text/csv"])
@pytest.mark.parametrize("count", [1, 3])
def test_the_joined_parts_are_the_whole_response(
    worker: BatchHandler, folder: Path, shape: str, accept: str, count: int
) -> None:
    body, headers = json.dumps({shape: texts(60)}).encode(), {"accept": accept}
    (expected,) = respond(worker, [(body, headers)])
    # With several workers, one often gets a request that another one has begun.
    workers = [worker, *(make_worker(folder) for _ in range(count - 1))]
    answer, parts = answer_in_parts(workers, body, headers)
    assert parts > 10
    assert answer[0] == 200
    number = re.compile(rb"\d\.\d+(?:e-?\d+)?")
    assert number.sub(b"#", answer[2]) == number.sub(b"#", expected[2])
    own, whole = ([float(value) for value in number.findall(one[2])] for one in (answer, expected))
    assert own == pytest.approx(whole, abs=1e-5)
    assert answer[1]["x-amzn-sagemaker-custom-attributes"] == expected[1]["x-amzn-sagemaker-custom-attributes"]


def test_short_requests_are_answered_in_the_batch_that_they_join(
    worker: BatchHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens: list[int] = []
    logits = worker._model.logits

    def watched(rows: list[Encoded]) -> torch.Tensor:
        tokens.append(sum(map(len, rows)))
        return logits(rows)

    monkeypatch.setattr(worker._model, "logits", watched)
    long = [Parts(number) for number in range(3)]
    body = json.dumps({"inputs": texts(200)}).encode()
    short = (b'{"inputs": "good"}', {"x-serving-key": "9"})
    for _ in range(20):
        requests = [(parts.body(body), dict(parts.headers())) for parts in long]
        *answers, quick = respond(worker, [*requests, short])
        assert CURSOR_HEADER not in quick[1]
        assert json.loads(quick[2])[0]["label"] in LABELS
        assert all(parts.add(answer[1], answer[2]) is None for parts, answer in zip(long, answers, strict=True))
    # A batch is one forward pass long, or has one text of each request.
    assert max(tokens) <= BUDGET + 3 * 32


def test_an_error_in_a_later_part_is_the_answer(worker: BatchHandler) -> None:
    content = {"inputs": ["good"] * 40 + ["bad " * 200], "parameters": {"truncation": False}}
    answer, parts = answer_in_parts([worker], json.dumps(content).encode(), {})
    assert (answer[0], parts > 1) == (400, True)
    assert b"truncation is false" in answer[2]


def test_without_the_front_a_request_is_answered_as_a_whole(worker: BatchHandler) -> None:
    (answer,) = respond(worker, [(json.dumps({"inputs": texts(200)}).encode(), {})])
    assert len(json.loads(answer[2])) == 200


def test_a_short_request_is_answered_while_a_long_one_is_computed(folder: Path, tmp_path: Path) -> None:
    base, log = tmp_path / "base", tmp_path / "log"
    base.mkdir()
    (base / "model").symlink_to(folder)
    long = texts(6_000)
    with running(base, log, SERVING_BATCH_TOKENS="512") as server, ThreadPoolExecutor(2) as callers:
        server.wait()
        whole = callers.submit(server.post, {"inputs": long})
        wait_for_part(log)
        for text in long[:3]:
            answer = server.post({"inputs": text})
            assert not whole.done()
            assert answer.status_code == 200
        answers = whole.result()
        assert answers.status_code == 200
        expected = [server.post({"inputs": text}).json()[0] for text in long[:50]]
    for one, right in zip(answers.json(), expected, strict=False):
        assert one["label"] == right["label"]
        assert one["score"] == pytest.approx(right["score"], abs=1e-5)
    assert len(answers.json()) == len(long)


def wait_for_part(log: Path) -> None:
    """Wait until a part of a request is answered."""
    deadline = time.monotonic() + 60
    while '"unfinished": 1' not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.01)
