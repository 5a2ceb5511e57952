"""Runs the HTTP application with a replacement for the model; requests come from a real HTTP client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from inference.messages import Message
from inference.server.app import SingleModel
from inference.server.middleware import errors_as_json

Client = TestClient[Any, Any]


class EchoModel:
    """A replacement for ServedModel, which answers with the request's body and records its fields."""

    def __init__(self) -> None:
        self.is_ready = True
        self.seen: Mapping[str, Any] = {}

    async def ask(self, fields: Mapping[str, Any], body: bytes) -> Message:
        self.seen = fields
        headers = {"content-type": "text/csv", "x-amzn-sagemaker-custom-attributes": "truncated=1", "server": "secret"}
        return Message(1, {"status": 201, "headers": headers}, body)


def with_front(model: Any, check: Callable[[Client], Awaitable[None]], limit: int = 1 << 20) -> None:
    """Run `check` with a client of an application that serves `model`."""

    async def run() -> None:
        application = web.Application(middlewares=[errors_as_json], client_max_size=limit)
        application.add_routes(SingleModel(model).routes())
        server = TestServer(application)
        await server.start_server(auto_decompress=False)
        async with TestClient(server) as client:
            await check(client)

    asyncio.run(run())


async def error_of(answer: aiohttp.ClientResponse) -> tuple[int, str]:
    """Status and code of a JSON error."""
    error = (await answer.json())["error"]
    assert error.keys() == {"code", "message", "request_id"}
    assert answer.headers["x-request-id"] == error["request_id"]
    return answer.status, error["code"]
