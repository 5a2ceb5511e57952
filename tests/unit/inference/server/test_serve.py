from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from contract.failures import UserError
from inference.options import ServingOptions
from inference.server.serve import Server, serve


class Recorder:
    """A Service that records its calls; a request to /slow takes until `finish` is set."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure, self.pids = failure, set[int]()
        self.followed: int = 0
        self.closed: int = 0
        self.arrived, self.finish = asyncio.Event(), asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/slow", self.slow)]

    async def slow(self, _: web.Request) -> web.Response:
        self.arrived.set()
        await self.finish.wait()
        return web.Response(text="done")

    async def load(self) -> None:
        if self.failure:
            raise self.failure

    async def follow(self) -> None:
        self.followed += 1

    def close(self) -> None:
        self.closed += 1

    def worker_pids(self) -> set[int]:
        return self.pids


def server_of(service: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Server, int]:
    """A server of `service`, and its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = Server(ServingOptions(workers=1, port=port), tmp_path, tmp_path, {})
    monkeypatch.setattr(server, "_service", lambda: service)
    return server, port


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def get(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    content = await reader.read()
    writer.close()
    return content


def test_a_signal_ends_it_after_the_requests_in_flight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        service = Recorder()
        server, port = server_of(service, tmp_path, monkeypatch)
        running = asyncio.create_task(server.run())
        await until(lambda: service.followed > 1)
        slow = asyncio.create_task(get(port, "/slow"))
        await service.arrived.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        seen = service.followed
        # Workers are checked while requests finish, and no new connection is accepted.
        await until(lambda: service.followed > seen + 2)
        with pytest.raises(ConnectionRefusedError):
            await get(port, "/slow")
        assert not running.done()
        assert service.closed < 1
        service.finish.set()
        await asyncio.wait_for(running, 10)
        assert (await slow).endswith(b"done")
        assert service.closed == 1

    asyncio.run(test())


def test_a_load_that_fails_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        service = Recorder(UserError("no labels"))
        server, _ = server_of(service, tmp_path, monkeypatch)
        with pytest.raises(UserError, match="no labels"):
            await asyncio.wait_for(server.run(), 10)
        assert service.followed == 0
        assert service.closed == 1

    asyncio.run(test())


def test_there_must_be_a_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder; expected an unpacked model"):
        serve(ServingOptions(), {"SAGEMAKER_BASE_DIR": str(tmp_path)})


def test_without_a_writable_temporary_folder_nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    with pytest.raises(UserError, match="no folder for temporary files: No such file or directory; expected /tmp or"):
        serve(ServingOptions(), {})
