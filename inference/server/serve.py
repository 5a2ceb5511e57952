"""`serve`: starts the HTTP server and the workers, replaces workers that end, shuts down on SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import uvloop
from aiohttp import web

from contract import processes
from contract.cuda import compatibility
from contract.failures import EXIT_OK, UserError
from contract.paths import Paths, python_path
from inference.device import default_workers, worker_environment
from inference.options import RUN_FOLDER_VARIABLE, ServingOptions
from inference.server.app import SingleModel, listen
from inference.server.multi_model import MultiModel
from inference.server.preparation import prepare
from inference.server.served_model import ServedModel

WATCH_INTERVAL = 0.1

log = logging.getLogger(__name__)


class Service(Protocol):
    """Interface of SingleModel and MultiModel: HTTP routes and the models behind them."""

    def routes(self) -> list[web.RouteDef]:
        """The HTTP routes."""

    async def load(self) -> None:
        """Load the models.

        Raises:
            UserError: a model without which the server is of no use cannot load.
        """

    async def follow(self) -> None:
        """Replace workers that have ended; called at regular intervals once the models are loaded.

        Raises:
            UserError: a model can no longer be served.
        """

    def close(self) -> None:
        """Kill the workers; requests in flight get 503."""

    def worker_pids(self) -> set[int]:
        """PIDs of the workers."""


def serve(options: ServingOptions, environ: Mapping[str, str]) -> int:
    """Serve the model in Paths.model, or the models loaded over /models, until SIGTERM or SIGINT.

    Returns:
        The exit status after a signal: 0.

    Raises:
        UserError: the model cannot load, the port is in use, or there is no place for temporary files.
    """
    path = temporary_folder()
    environ = {**environ, "PYTHONPATH": python_path(environ)}
    try:
        folder, prepared = prepare(options, Paths.from_environment(environ), path, environ)
        uvloop.run(Server(options, path, folder, prepared).run())
        return EXIT_OK
    finally:
        shutil.rmtree(path, ignore_errors=True)


def temporary_folder() -> Path:
    """A new folder for temporary files.

    Raises:
        UserError: there is no place for it.
    """
    try:
        return Path(tempfile.mkdtemp(prefix="serve-"))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise UserError(f"no folder for temporary files: {reason}; expected /tmp or TMPDIR to be writable") from None


class Server:
    """The server from the start of the container to its stop.

    Args:
        run_folder: for temporary files of the workers.
        folder: the model's folder, or that of all models.
    """

    def __init__(self, options: ServingOptions, run_folder: Path, folder: Path, environ: Mapping[str, str]) -> None:
        self._options, self._folder = options, folder
        self._workers = options.workers or (1 if options.multi_model or options.use_cpu else default_workers())
        self._environ = {
            **environ,
            **compatibility(environ),
            **worker_environment(environ, self._workers),
            RUN_FOLDER_VARIABLE: str(run_folder),
            # torch.compile's default folder contains the user's name, and the user of a container may have none.
            "TORCHINDUCTOR_CACHE_DIR": environ.get("TORCHINDUCTOR_CACHE_DIR") or str(run_folder / "compiled"),
        }
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Start, serve and stop. The port is opened first, so that /ping answers 503 while models load."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        service = self._service()
        runner = await listen(service.routes(), self._options)
        try:
            await self._watch(service, runner)
        finally:
            service.close()
            await runner.cleanup()

    def _stop(self, number: int) -> None:
        log.info("%s: accepting no new requests, finishing those in flight", signal.Signals(number).name)
        self._stopping.set()

    def _service(self) -> Service:
        def make_model(folder: Path) -> ServedModel:
            return ServedModel(folder, self._options, self._environ, self._workers)

        return (
            MultiModel(self._folder, make_model) if self._options.multi_model else SingleModel(make_model(self._folder))
        )

    async def _watch(self, service: Service, runner: web.AppRunner) -> None:
        """Load the models and check them at regular intervals; returns after a signal and the requests in flight."""
        loading = asyncio.create_task(load(service))
        finishing: asyncio.Task[None] | None = None
        while not (finishing and finishing.done()):
            if self._stopping.is_set() and not finishing:
                loading.cancel()
                finishing = asyncio.create_task(runner.cleanup())
            if loading.done() and not loading.cancelled():
                loading.result()
                await service.follow()
            processes.reap(service.worker_pids())
            await asyncio.sleep(WATCH_INTERVAL)


async def load(service: Service) -> None:
    """Load the models, and say in the log that they answer."""
    await service.load()
    log.info("ready")
