from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Any

import pytest
from unit.inference.fronts import Client, EchoModel, error_of, with_front

from inference.messages import Message
from inference.server.invocations import MOST_HEADER_BYTES
from inference.server.served_model import BusyError
from inference.server.worker_process import WorkerEndedError

UNAVAILABLE = (503, "service_unavailable")


def test_status_headers_and_body_are_the_workers() -> None:
    async def check(client: Client) -> None:
        answer = await client.post("/invocations", data=b"\x00body\n")
        assert answer.status == 201
        assert await answer.read() == b"\x00body\n"
        assert answer.headers["content-type"] == "text/csv"
        assert answer.headers["x-request-id"] == model.seen["id"]
        assert answer.headers["x-amzn-sagemaker-custom-attributes"] == "truncated=1"
        assert answer.headers.get("server") != "secret"

    model = EchoModel()
    with_front(model, check)


def test_the_worker_gets_the_callers_headers_in_lower_case() -> None:
    async def check(client: Client) -> None:
        headers = {"X-Custom": "1", "Connection": "close", "X-Bytes": "caf\udce9"}
        await client.post("/invocations", data=b"1", headers=headers, skip_auto_headers=["Accept", "User-Agent"])

    model = EchoModel()
    with_front(model, check)
    assert model.seen["headers"]["x-custom"] == "1"
    assert model.seen["headers"]["x-bytes"].isascii()
    assert not {"accept", "user-agent", "connection", "content-length"} & model.seen["headers"].keys()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Long": "x" * MOST_HEADER_BYTES}, (431, "request_header_fields_too_large")),
        ({"Content-Type": "multipart/form-data"}, (415, "unsupported_media_type")),
        ({"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, (415, "unsupported_media_type")),
        ({"Content-Encoding": "gzip"}, (400, "bad_request")),
        ({"Content-Encoding": "br"}, (415, "unsupported_media_type")),
    ],
)
def test_requests_that_cannot_be_read_are_4xx(headers: dict[str, str], expected: Any) -> None:
    async def check(client: Client) -> None:
        assert await error_of(await client.post("/invocations", data=b"no gzip", headers=headers)) == expected

    with_front(EchoModel(), check)


def test_a_compressed_body_reaches_the_worker_decompressed() -> None:
    async def check(client: Client) -> None:
        answer = await client.post("/invocations", data=gzip.compress(b"body"), headers={"Content-Encoding": "gzip"})
        assert await answer.read() == b"body"
        assert "content-encoding" not in model.seen["headers"]

    model = EchoModel()
    with_front(model, check)


@pytest.mark.parametrize("error", [WorkerEndedError(), BusyError("too many requests are waiting; try again")])
def test_a_request_that_no_worker_answers_gets_503(error: Exception) -> None:
    class FailingModel(EchoModel):
        async def ask(self, _fields: Mapping[str, Any], _body: bytes) -> Message:
            raise error

    async def check(client: Client) -> None:
        answer = await client.post("/invocations", data=b"1")
        assert await error_of(answer) == UNAVAILABLE
        assert "try again" in await answer.text()

    with_front(FailingModel(), check)


def test_without_a_ready_worker_the_status_is_503() -> None:
    async def check(client: Client) -> None:
        assert await error_of(await client.post("/invocations", data=b"1")) == UNAVAILABLE

    model = EchoModel()
    model.is_ready = False
    with_front(model, check)
    assert model.seen == {}
