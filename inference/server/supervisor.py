"""Supervision of one run of multi-model-server: start, load the models, watch until it ends or must stop."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from typing import Protocol

import aiohttp
from aiohttp import web

from inference import processes
from inference.server import mms_management
from inference.server.mms_process import ServerLostError

WATCH_INTERVAL = 0.1

log = logging.getLogger(__name__)


class Service(Protocol):
    """What is served: its routes, and its models over all lives of the model server."""

    def routes(self) -> list[web.RouteDef]: ...

    async def load(self) -> None:
        """Load the models that are to be there. Raises UserError where the server is of no use without."""

    async def follow(self) -> None:
        """Look after the workers. Raises ServerLostError or UserError where that does not help."""

    def close(self) -> None:
        """The model server is gone: answer what waits for it."""


class Supervisor:
    """One life of the model server, from its start to a signal or its loss."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        service: Service,
        runner: web.AppRunner,
        process: subprocess.Popen[bytes],
        stopping: asyncio.Event,
    ) -> None:
        self._session, self._service, self._runner = session, service, runner
        self._process, self._stopping = process, stopping
        self.served = False

    async def run(self) -> None:
        """Load and look after the models; return after a signal, when what ran is finished.

        Raises:
            ServerLostError: the model server or what it needs is gone.
            UserError: what is to be served cannot be.
        """
        loading = asyncio.create_task(self._load())
        finishing: asyncio.Task[None] | None = None
        try:
            while not (finishing and finishing.done()):
                if self._stopping.is_set() and not finishing:
                    loading.cancel()
                    finishing = asyncio.create_task(self._runner.cleanup())
                await self._look(loading)
                await asyncio.sleep(WATCH_INTERVAL)
        finally:
            loading.cancel()
            if finishing:
                self._service.close()
                await finishing

    async def _load(self) -> None:
        await mms_management.wait_until_up(self._session)
        await self._service.load()
        self.served = True
        log.info("ready")

    async def _look(self, loading: asyncio.Task[None]) -> None:
        if self._process.poll() is not None:
            raise ServerLostError(f"multi-model-server ended by itself with status {self._process.returncode}")
        processes.reap(self._process.pid)
        if loading.done() and not loading.cancelled():
            try:
                loading.result()
            except aiohttp.ClientError as error:
                raise ServerLostError(f"multi-model-server does not answer: {error}") from None
            await self._service.follow()
