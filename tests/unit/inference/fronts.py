"""Runs the HTTP front with a replacement for multi-model-server; both are real HTTP servers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from inference.envelope import pack
from inference.server.app import SingleModel
from inference.server.middleware import errors_as_json
from inference.server.proxy import Proxy

Worker = Callable[[web.Request], Awaitable[web.Response]]
Client = TestClient[Any, Any]


async def echo(request: web.Request) -> web.Response:
    """Respond with the request's headers and body, in an envelope as a worker does."""
    headers = {"content-type": "text/csv", "x-amzn-sagemaker-custom-attributes": "truncated=1", "server": "secret"}
    content = pack(201, headers, await request.read())
    seen = {f"seen-{name}": value for name, value in request.headers.items()}
    return web.Response(body=content, headers={"x-request-id": "id-1", **seen})


def with_front(worker: Worker, check: Callable[[Client, Proxy], Awaitable[None]], limit: int = 1 << 20) -> None:
    """Run `check` with a client of a front, whose open proxy forwards to `worker`."""

    async def run() -> None:
        behind = web.Application()
        behind.router.add_post("/predictions/key", worker)
        async with TestServer(behind) as server, aiohttp.ClientSession(server.make_url("/")) as session:
            proxy = Proxy(session, "key")
            proxy.open()
            application = web.Application(middlewares=[errors_as_json], client_max_size=limit)
            application.add_routes(SingleModel(SimpleNamespace(proxy=proxy)).routes())  # type: ignore[arg-type]
            async with TestClient(TestServer(application)) as client:
                await check(client, proxy)

    asyncio.run(run())


async def error_of(answer: aiohttp.ClientResponse) -> tuple[int, str]:
    """Status and code of a JSON error."""
    error = (await answer.json())["error"]
    assert error.keys() == {"code", "message", "request_id"}
    assert answer.headers["x-request-id"] == error["request_id"]
    return answer.status, error["code"]
