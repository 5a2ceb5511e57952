"""Long requests are predicted in parts, with short requests in between, by the worker's handler and by the server."""

from __future__ import annotations

import json
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from inference_server import running
from mms.context import Context, RequestProcessor
from unit.inference.tiny import WORDS, write_model

from inference.device import Device
from inference.messages import Message
from inference.options import ServingOptions
from inference.worker import batch_handler as module
from inference.worker import progress
from inference.worker.__main__ import as_entry, response
from inference.worker.batch_handler import BatchHandler
from inference.worker.batch_request import BatchRequest
from inference.worker.classifier import Classifier
from inference.worker.loading import load
from inference.worker.tokenization import Encoded
from inference.worker.user_code import UserFunctions

pytestmark = pytest.mark.integration

BUDGET = 128


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


def request(content: object, accept: str = "application/json") -> BatchRequest:
    """A request as a worker process gets it."""
    return as_entry(Message(1, {"id": "id-1", "headers": {"accept": accept}}, json.dumps(content).encode()), context())


def context() -> Context:
    return Context("model", "", None, 1, None, "")


def answer_in_parts(worker: BatchHandler, entry: BatchRequest) -> tuple[Message, int]:
    """The response to a request that is alone, and the number of batches that it took."""
    for count in range(1, 1000):
        worker.advance([entry])
        if entry.is_finished:
            return response(entry), count
    raise AssertionError("the request is never finished")


@pytest.mark.parametrize("shape", ["inputs", "instances"])
@pytest.mark.parametrize("accept", ["application/json", "application/jsonlines", "text/csv"])
def test_a_response_in_parts_is_that_of_a_request_as_a_whole(worker: BatchHandler, shape: str, accept: str) -> None:
    whole, own = (request({shape: texts(60)}, accept) for _ in range(2))
    worker.advance([whole], divisible=False)
    expected = response(whole)
    answer, parts = answer_in_parts(worker, own)
    assert parts > 10
    assert answer.fields == expected.fields
    assert answer.fields["headers"]["x-amzn-sagemaker-custom-attributes"].startswith("truncated=")
    number = re.compile(rb"\d\.\d+(?:e-?\d+)?")
    assert number.sub(b"#", answer.body) == number.sub(b"#", expected.body)
    found, right = ([float(value) for value in number.findall(one.body)] for one in (answer, expected))
    assert found == pytest.approx(right, abs=1e-5)


def test_short_requests_are_answered_in_the_batch_that_they_join(
    worker: BatchHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens: list[int] = []
    logits = worker._model.logits

    def watched(rows: list[Encoded]) -> torch.Tensor:
        tokens.append(sum(map(len, rows)))
        return logits(rows)

    monkeypatch.setattr(worker._model, "logits", watched)
    long = [request({"inputs": texts(200)}) for _ in range(3)]
    for _ in range(20):
        short = request({"inputs": "good"})
        worker.advance([*long, short])
        assert short.is_finished
        assert response(short).fields["status"] == 200
        assert not any(entry.is_finished for entry in long)
    # A batch is one forward pass long, or has one text of each request.
    assert max(tokens) <= BUDGET + 3 * 32


def test_an_error_in_a_later_part_is_the_answer(worker: BatchHandler) -> None:
    content = {"inputs": ["good"] * 40 + ["bad " * 200], "parameters": {"truncation": False}}
    answer, parts = answer_in_parts(worker, request(content))
    assert (answer.fields["status"], parts > 1) == (400, True)
    assert b"truncation is false" in answer.body


def test_a_stock_model_server_gets_whole_responses(worker: BatchHandler) -> None:
    batch = context()
    batch.request_ids, batch.request_processor = {0: "id-0"}, [RequestProcessor({})]
    (body,) = worker.respond([{"body": json.dumps({"inputs": texts(200)}).encode()}], batch)
    assert len(json.loads(body)) == 200


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
