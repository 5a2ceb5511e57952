"""`serve`: open the front, start multi-model-server, load what is to be served, wait, end in order."""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import aiohttp
from aiohttp import web

from contract.failures import EXIT_BUG, EXIT_OK
from contract.paths import Paths
from inference import management, modelserver, processes, readiness
from inference.device import default_workers, worker_environment
from inference.endpoint import Endpoint
from inference.front import SingleModel, listen
from inference.hosted import HostedModel
from inference.modelserver import RunFolder, ServerLostError
from inference.multimodel import MultiModel
from inference.options import ServingOptions
from inference.preparation import prepare

WATCH_INTERVAL = 0.1
# A model server that ends more often than this in so many seconds is beyond help.
MOST_RESTARTS, RESTARTS_WINDOW = 3, 600.0

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


def serve(options: ServingOptions, environ: Mapping[str, str]) -> int:
    """Serve the model in Paths.model, or those that come over /models, until SIGTERM or SIGINT.

    Returns:
        0 after a signal, 1 where the model server ends again and again.

    Raises:
        UserError: the model cannot load, or the machine lacks what is needed.
    """
    path = Path(tempfile.mkdtemp(prefix="serve-"))
    try:
        folder, prepared = prepare(options, Paths.from_environment(environ), path, environ)
        return asyncio.run(Server(options, RunFolder(path), folder, prepared).run())
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Server:
    """From the start of the container to its stop, over all lives of the model server."""

    def __init__(
        self, options: ServingOptions, run_folder: RunFolder, folder: Path, environ: Mapping[str, str]
    ) -> None:
        self._options, self._run_folder, self._folder = options, run_folder, folder
        self._endpoint = Endpoint.choose(run_folder.path)
        self._workers = options.workers or (1 if options.multi_model else default_workers())
        self._environ = {
            **environ,
            **worker_environment(environ, self._workers),
            readiness.RUN_FOLDER_VARIABLE: str(run_folder.path),
        }
        self._stopping = asyncio.Event()
        self._restarts: list[float] = []

    async def run(self) -> int:
        """Start, serve, stop. The front listens first, so that /ping says 503 while models load."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        # A silent worker is multi-model-server's to replace; this time-out only catches a server that hangs.
        timeout = self._options.response_timeout + self._options.startup_timeout
        async with self._endpoint.session(timeout) as session:
            service = self._service(session)
            runner = await listen(service.routes(), self._options)
            try:
                return await self._lives(session, service, runner)
            finally:
                service.close()
                await runner.cleanup()

    def _stop(self, number: int) -> None:
        log.info("%s: no new requests, finishing those that run", signal.Signals(number).name)
        self._stopping.set()

    def _service(self, session: aiohttp.ClientSession) -> Service:
        def host(folder: Path) -> HostedModel:
            return HostedModel(folder, self._options, self._run_folder, session, self._workers)

        if self._options.multi_model:
            return MultiModel(self._folder, host)
        return SingleModel(host(self._folder))

    async def _lives(self, session: aiohttp.ClientSession, service: Service, runner: web.AppRunner) -> int:
        """Start the model server, and again where it is lost after it had served."""
        while True:
            await self._endpoint.wait_until_free()
            process = modelserver.start(self._options, self._run_folder, self._endpoint, self._environ)
            life = Life(session, service, runner, process, self._stopping)
            try:
                await life.run()
                return EXIT_OK
            except ServerLostError as error:
                log.error("%s; what ran gets 503", error)
                if self._stopping.is_set() or not life.served or not self._may_restart():
                    return EXIT_OK if self._stopping.is_set() else EXIT_BUG
            finally:
                service.close()
                await processes.end(process)

    def _may_restart(self) -> bool:
        now = time.monotonic()
        self._restarts = [*(then for then in self._restarts if now - then < RESTARTS_WINDOW), now]
        if len(self._restarts) <= MOST_RESTARTS:
            return True
        log.error("multi-model-server was lost %d times in %.0f s: giving up", MOST_RESTARTS + 1, RESTARTS_WINDOW)
        return False


class Life:
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
        await management.wait_until_up(self._session)
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
