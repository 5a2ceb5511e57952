from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from unit.inference.fronts import Client, echo, error_of, with_front

from inference.server.proxy import MOST_HEADER_BYTES, Proxy

UNAVAILABLE = (503, "service_unavailable")


def test_status_headers_and_body_come_out_of_the_envelope() -> None:
    async def check(client: Client, proxy: Proxy) -> None:
        answer = await client.post("/invocations", data=b"\x00body\n")
        assert answer.status == 201
        assert await answer.read() == b"\x00body\n"
        assert answer.headers["content-type"] == "text/csv"
        assert answer.headers["x-request-id"] == "id-1"
        assert answer.headers["x-amzn-sagemaker-custom-attributes"] == "truncated=1"
        assert answer.headers.get("server") != "secret"

    with_front(echo, check)


def test_the_worker_gets_only_the_callers_headers() -> None:
    seen: dict[str, str] = {}

    async def note(request: web.Request) -> web.Response:
        seen.update(request.headers)
        return await echo(request)

    async def check(client: Client, proxy: Proxy) -> None:
        headers = {"X-Custom": "1", "Connection": "close", "X-Bytes": "caf\udce9"}
        await client.post("/invocations", data=b"1", headers=headers, skip_auto_headers=["Accept", "User-Agent"])

    with_front(note, check)
    assert seen["X-Custom"] == "1"
    # No byte that is not UTF-8 is forwarded.
    assert seen["X-Bytes"].isascii()
    assert not {"Accept", "User-Agent"} & seen.keys()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Long": "x" * MOST_HEADER_BYTES}, (431, "request_header_fields_too_large")),
        ({"Content-Type": "multipart/form-data"}, (415, "unsupported_media_type")),
        ({"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, (415, "unsupported_media_type")),
        ({"Content-Encoding": "gzip"}, (400, "bad_request")),
    ],
)
def test_requests_that_multi_model_server_cannot_forward_are_4xx(headers: dict[str, str], expected: Any) -> None:
    async def check(client: Client, proxy: Proxy) -> None:
        assert await error_of(await client.post("/invocations", data=b"no gzip", headers=headers)) == expected

    with_front(echo, check)


def test_multi_model_servers_own_errors_become_503() -> None:
    async def died(_: web.Request) -> web.Response:
        return web.json_response({"code": 500, "message": "Worker died."}, status=500)

    async def check(client: Client, proxy: Proxy) -> None:
        answer = await client.post("/invocations", data=b"1")
        assert await error_of(answer) == UNAVAILABLE
        assert "died" not in await answer.text()

    with_front(died, check)


def test_a_server_that_closes_the_connection_is_503() -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport
        request.transport.close()
        return web.Response()

    async def check(client: Client, proxy: Proxy) -> None:
        assert await error_of(await client.post("/invocations", data=b"1")) == UNAVAILABLE

    with_front(hang_up, check)


def test_requests_in_flight_get_503_when_the_proxy_closes() -> None:
    arrived = asyncio.Event()

    async def silent(_: web.Request) -> web.Response:
        arrived.set()
        await asyncio.sleep(60)
        return web.Response()

    async def check(client: Client, proxy: Proxy) -> None:
        waiting = asyncio.create_task(client.post("/invocations", data=b"1"))
        await arrived.wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(proxy.idle(), 0.05)
        proxy.close()
        assert await error_of(await waiting) == UNAVAILABLE
        await asyncio.wait_for(proxy.idle(), 1)
        assert await error_of(await client.post("/invocations", data=b"1")) == UNAVAILABLE
        proxy.open()
        assert proxy.is_open

    with_front(silent, check)
