from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from contract.failures import UserError
from inference.server.mms_process import ServerLostError
from inference.server.supervisor import Supervisor

Parts = tuple[Supervisor, Any, "subprocess.Popen[bytes]"]


class Recorder:
    """A Service that records its calls."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure, self.followed, self.closed = failure, 0, 0

    def routes(self) -> list[web.RouteDef]:
        return []

    async def load(self) -> None:
        if self.failure:
            raise self.failure

    async def follow(self) -> None:
        self.followed += 1

    def close(self) -> None:
        self.closed += 1


class Runner:
    """A replacement for the public port, whose cleanup takes as long as the requests in flight."""

    def __init__(self) -> None:
        self.finish = asyncio.Event()

    async def cleanup(self) -> None:
        await self.finish.wait()


async def answer(_: web.Request) -> web.Response:
    return web.json_response({})


@asynccontextmanager
async def supervisor(service: Recorder, stopping: asyncio.Event) -> AsyncIterator[Parts]:
    """A supervisor whose model server is a small HTTP server and a process that sleeps."""
    application = web.Application()
    application.router.add_get("/models", answer)
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            async with TestServer(application) as server, aiohttp.ClientSession(server.make_url("/")) as session:
                runner: Any = Runner()
                yield Supervisor(session, service, runner, process, stopping), runner, process
        finally:
            process.kill()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def test_a_signal_ends_it_after_the_requests_in_flight() -> None:
    async def test() -> None:
        service, stopping = Recorder(), asyncio.Event()
        async with supervisor(service, stopping) as (one, runner, _):
            running = asyncio.create_task(one.run())
            await until(lambda: service.followed > 1)
            assert one.served
            stopping.set()
            seen = service.followed
            # Workers are checked while requests finish.
            await until(lambda: service.followed > seen + 2)
            assert not running.done()
            runner.finish.set()
            await asyncio.wait_for(running, 10)

    asyncio.run(test())


def test_an_ended_model_server_is_an_error() -> None:
    async def test() -> None:
        service = Recorder()
        async with supervisor(service, asyncio.Event()) as (one, _, process):
            running = asyncio.create_task(one.run())
            await until(lambda: service.followed > 1)
            process.kill()
            with pytest.raises(ServerLostError, match="ended by itself with status -9"):
                await asyncio.wait_for(running, 10)

    asyncio.run(test())


@pytest.mark.parametrize(
    ("failure", "raised"),
    [(UserError("no labels"), UserError), (aiohttp.ClientConnectionError("gone"), ServerLostError)],
)
def test_a_load_that_fails_ends_it(failure: Exception, raised: type[Exception]) -> None:
    async def test() -> None:
        service = Recorder(failure)
        async with supervisor(service, asyncio.Event()) as (one, _, _process):
            with pytest.raises(raised):
                await asyncio.wait_for(one.run(), 10)
            assert not one.served
            assert service.followed == 0

    asyncio.run(test())
