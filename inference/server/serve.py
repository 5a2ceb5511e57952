"""`serve`: starts the HTTP front and multi-model-server, restarts the latter if it ends, shuts down on SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import aiohttp
from aiohttp import web

from contract.cuda import compatibility
from contract.failures import EXIT_BUG, EXIT_OK
from contract.paths import Paths, python_path
from inference import processes, readiness
from inference.device import default_workers, worker_environment
from inference.options import ServingOptions
from inference.server import mms_process
from inference.server.app import SingleModel, listen
from inference.server.mms_address import MmsAddress
from inference.server.mms_process import RunFolder, ServerLostError
from inference.server.multi_model import MultiModel
from inference.server.preparation import prepare
from inference.server.served_model import ServedModel
from inference.server.supervisor import Service, Supervisor

# Restarts of multi-model-server within the window of seconds; after more, the server exits.
MOST_RESTARTS, RESTARTS_WINDOW = 3, 600.0

log = logging.getLogger(__name__)


def serve(options: ServingOptions, environ: Mapping[str, str]) -> int:
    """Serve the model in Paths.model, or the models loaded over /models, until SIGTERM or SIGINT.

    Returns:
        The exit status: 0 after a signal, 1 if multi-model-server ended too often.

    Raises:
        UserError: the model cannot load, the port is in use, or Java is missing.
    """
    path = Path(tempfile.mkdtemp(prefix="serve-"))
    environ = {**environ, "PYTHONPATH": python_path(environ)}
    try:
        folder, prepared = prepare(options, Paths.from_environment(environ), path, environ)
        return asyncio.run(Server(options, RunFolder(path), folder, prepared).run())
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Server:
    """The server from the start of the container to its stop, across restarts of multi-model-server."""

    def __init__(
        self, options: ServingOptions, run_folder: RunFolder, folder: Path, environ: Mapping[str, str]
    ) -> None:
        self._options, self._run_folder, self._folder = options, run_folder, folder
        self._mms_address = MmsAddress.choose(run_folder.path)
        self._workers = options.workers or (1 if options.multi_model or options.use_cpu else default_workers())
        self._environ = {
            **environ,
            **compatibility(environ),
            **worker_environment(environ, self._workers),
            readiness.RUN_FOLDER_VARIABLE: str(run_folder.path),
            # torch.compile's default folder contains the user's name, and the user of a container may have none.
            "TORCHINDUCTOR_CACHE_DIR": environ.get("TORCHINDUCTOR_CACHE_DIR") or str(run_folder.path / "compiled"),
        }
        self._stopping = asyncio.Event()
        self._restarts: list[float] = []

    async def run(self) -> int:
        """Start, serve and stop. The front listens first, so that /ping answers 503 while models load."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        # Multi-model-server replaces a worker that does not respond; this timeout is for a server that hangs.
        timeout = self._options.response_timeout + self._options.startup_timeout
        async with self._mms_address.session(timeout) as session:
            service = self._service(session)
            runner = await listen(service.routes(), self._options)
            try:
                return await self._run_model_server(session, service, runner)
            finally:
                service.close()
                await runner.cleanup()

    def _stop(self, number: int) -> None:
        log.info("%s: accepting no new requests, finishing those in flight", signal.Signals(number).name)
        self._stopping.set()

    def _service(self, session: aiohttp.ClientSession) -> Service:
        def make_model(folder: Path) -> ServedModel:
            return ServedModel(folder, self._options, self._run_folder, session, self._workers)

        if self._options.multi_model:
            return MultiModel(self._folder, make_model)
        return SingleModel(make_model(self._folder))

    async def _run_model_server(self, session: aiohttp.ClientSession, service: Service, runner: web.AppRunner) -> int:
        """Run multi-model-server until a signal; restart it if it ends after it had served."""
        while await self._port_is_free():
            process = mms_process.start(self._options, self._run_folder, self._mms_address, self._environ)
            supervisor = Supervisor(session, service, runner, process, self._stopping)
            try:
                await supervisor.run()
                return EXIT_OK
            except ServerLostError as error:
                log.error("%s; requests in flight get 503", error)
                if not self._stopping.is_set() and not (supervisor.served and self.may_restart()):
                    return EXIT_BUG
            finally:
                service.close()
                await processes.end(process)
        return EXIT_OK

    async def _port_is_free(self) -> bool:
        """Wait until workers can bind their port; False after a signal to stop."""
        free, stopping = (
            asyncio.create_task(self._mms_address.wait_until_free()),
            asyncio.create_task(self._stopping.wait()),
        )
        await asyncio.wait({free, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopped = stopping.done()
        free.cancel()
        stopping.cancel()
        if not stopped:
            free.result()
        return not stopped

    def may_restart(self) -> bool:
        """Count an end of multi-model-server; returns whether it may be restarted once more."""
        now = time.monotonic()
        self._restarts = [*(then for then in self._restarts if now - then < RESTARTS_WINDOW), now]
        if len(self._restarts) <= MOST_RESTARTS:
            return True
        log.error("multi-model-server ended %d times within %.0f s: exiting", MOST_RESTARTS + 1, RESTARTS_WINDOW)
        return False
