"""Supervisor of one run of multi-model-server: loads the models, and watches until it ends or must stop."""

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
    """Interface of SingleModel and MultiModel: HTTP routes and their models, across restarts of multi-model-server."""

    def routes(self) -> list[web.RouteDef]:
        """The HTTP routes."""

    async def load(self) -> None:
        """Load the models; called after each start of multi-model-server.

        Raises:
            UserError: a model without which the server is of no use cannot load.
        """

    async def follow(self) -> None:
        """Check the workers; called at regular intervals once the models are loaded.

        Raises:
            ServerLostError: multi-model-server must be restarted.
            UserError: a restart would not help.
        """

    def close(self) -> None:
        """Answer the requests in flight with 503: multi-model-server has ended."""


class Supervisor:
    """Watches one run of multi-model-server, from its start to its end or a signal."""

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
        """Load the models and check them at regular intervals; returns after a signal and the requests in flight.

        Raises:
            ServerLostError: multi-model-server, or a process that it needs, has ended.
            UserError: a model cannot be served.
        """
        loading = asyncio.create_task(self._load())
        finishing: asyncio.Task[None] | None = None
        try:
            while not (finishing and finishing.done()):
                if self._stopping.is_set() and not finishing:
                    loading.cancel()
                    finishing = asyncio.create_task(self._runner.cleanup())
                await self._check(loading)
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

    async def _check(self, loading: asyncio.Task[None]) -> None:
        if self._process.poll() is not None:
            raise ServerLostError(f"multi-model-server ended by itself with status {self._process.returncode}")
        processes.reap(self._process.pid)
        if loading.done() and not loading.cancelled():
            try:
                loading.result()
            except aiohttp.ClientError as error:
                raise ServerLostError(f"multi-model-server does not respond: {error}") from None
            await self._service.follow()
