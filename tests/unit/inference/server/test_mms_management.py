from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from inference.options import ServingOptions
from inference.server import mms_management

Seen = list[tuple[str, dict[str, str]]]


def against(status: int, call: Callable[[aiohttp.ClientSession], Awaitable[None]]) -> Seen:
    """The requests of a call to a management API that responds with `status`."""
    seen: Seen = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((f"{request.method} {request.path}", dict(request.query)))
        return web.json_response({"message": "because"}, status=status)

    async def run() -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", answer)
        async with TestServer(application) as server, aiohttp.ClientSession(server.make_url("/")) as session:
            await call(session)

    asyncio.run(run())
    return seen


def test_a_model_is_registered_with_its_batches() -> None:
    options = ServingOptions(batch_size=7, batch_delay_ms=3)
    ((route, parameters),) = against(200, lambda session: mms_management.register(session, options, "model-1", 2))
    assert route == "POST /models"
    assert parameters == {
        "url": "model-1",
        "model_name": "model-1",
        "handler": "inference.worker.handler:handle",
        "batch_size": "7",
        "max_batch_delay": "3",
        "initial_workers": "2",
        "synchronous": "true",
    }


def test_a_worker_that_ends_is_an_error_with_the_servers_reason() -> None:
    with pytest.raises(mms_management.WorkerEndedError, match="because"):
        against(500, lambda session: mms_management.register(session, ServingOptions(), "model-1", 1))


@pytest.mark.parametrize("status", [200, 404, 500])
def test_unregistering_a_model_that_is_not_registered_is_no_error(status: int) -> None:
    ((route, _),) = against(status, lambda session: mms_management.unregister(session, "model-1"))
    assert route == "DELETE /models/model-1"


def test_it_waits_until_the_api_accepts_connections() -> None:
    async def run() -> None:
        server = TestServer(web.Application())
        await server.start_server()
        address = server.make_url("/")
        await server.close()
        async with aiohttp.ClientSession(address) as session:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(mms_management.wait_until_up(session, interval=0.01), 0.1)

    asyncio.run(run())
    assert against(200, mms_management.wait_until_up) == [("GET /models", {})]


@pytest.mark.parametrize(
    ("body", "expected"),
    [('{"message": "why"}', "why"), ("[]", "[]"), ("<html> ", "<html>"), ('{"code": 1}', '{"code": 1}')],
)
def test_the_reason_in_an_error(body: str, expected: str) -> None:
    assert mms_management.reason(body) == expected
