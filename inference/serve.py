"""`serve`: start multi-model-server, load the model, open the front, wait, end in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
from aiohttp import web

from contract.failures import EXIT_BUG, EXIT_OK, UserError
from contract.paths import Paths
from inference import management, modelserver, readiness, stub
from inference.device import default_workers, worker_environment
from inference.endpoint import Endpoint
from inference.front import Front
from inference.modelserver import RunFolder
from inference.options import ServingOptions

# SageMaker kills the container 30 s after SIGTERM.
FINISH_SECONDS = 20.0
STOP_SECONDS = 5.0
WATCH_INTERVAL = 0.2

log = logging.getLogger(__name__)


def serve(options: ServingOptions, environ: Mapping[str, str]) -> int:
    """Serve the model in Paths.model until SIGTERM or SIGINT.

    Returns:
        0 after a signal, 1 where the model server ended by itself.

    Raises:
        UserError: the model cannot load, or the machine lacks what is needed.
    """
    model_folder = Paths.from_environment(environ).model
    if not model_folder.is_dir():
        raise UserError(f"model folder {model_folder}: no such folder; expected an unpacked model.tar.gz")
    path = Path(tempfile.mkdtemp(prefix="serve-"))
    try:
        return asyncio.run(Server(options, RunFolder(path), model_folder, environ).run())
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Server:
    """One life of the server, from start to stop."""

    def __init__(
        self, options: ServingOptions, run_folder: RunFolder, model_folder: Path, environ: Mapping[str, str]
    ) -> None:
        self._options, self._run_folder, self._model_folder = options, run_folder, model_folder
        self._endpoint = Endpoint.choose(run_folder.path)
        self._workers = options.workers or default_workers()
        self._environ = {
            **environ,
            **worker_environment(environ, self._workers),
            readiness.RUN_FOLDER_VARIABLE: str(run_folder.path),
        }
        self._stopping = asyncio.Event()
        # Whether the model was ever loaded, and whether a warm worker lives now.
        self._serving = self._ready = False

    async def run(self) -> int:
        """Start, serve, stop. The front listens first, so that /ping says 503 while the model loads."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        # A silent worker is multi-model-server's to replace; this time-out only catches a server that hangs.
        timeout = self._options.response_timeout + self._options.startup_timeout
        async with self._endpoint.session(timeout) as session, self._front(session):
            process = modelserver.start(self._options, self._run_folder, self._endpoint, self._environ)
            try:
                return await self._life(session, process)
            finally:
                await end(process)

    def _stop(self, number: int) -> None:
        log.info("%s: no new requests, finishing those that run", signal.Signals(number).name)
        self._stopping.set()

    @contextlib.asynccontextmanager
    async def _front(self, session: aiohttp.ClientSession) -> AsyncIterator[None]:
        """Open the public port; on the way out close it and wait for the requests that run."""
        self._gate = Front(self._options, session, lambda: self._ready)
        runner = web.AppRunner(self._gate.application(), access_log=None, shutdown_timeout=FINISH_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, "0.0.0.0", self._options.port).start()  # noqa: S104 - the container's one port
        except OSError as error:
            await runner.cleanup()
            raise UserError(
                f"port {self._options.port} cannot be opened: {os.strerror(error.errno or 0)}; "
                "SAGEMAKER_BIND_TO_PORT chooses another"
            ) from None
        self._runner = runner
        try:
            yield
        finally:
            await runner.cleanup()

    async def _life(self, session: aiohttp.ClientSession, process: subprocess.Popen[bytes]) -> int:
        ending = asyncio.create_task(self._ended(process))
        try:
            loaded = asyncio.create_task(self._load(session))
            await asyncio.wait({ending, loaded}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                loaded.cancel()
                return ending.result()
            loaded.result()
            self._serving = self._ready = True
            log.info("ready: %d worker(s), port %d", self._workers, self._options.port)
            status = await ending
            await self._runner.cleanup()
            return status
        finally:
            ending.cancel()

    async def _load(self, session: aiohttp.ClientSession) -> None:
        """Register the model; returns when every worker is warm.

        Raises:
            UserError: with the worker's own reason where it gave one.
        """
        stub.write(self._run_folder.store, management.MODEL_NAME, self._model_folder)
        try:
            await asyncio.wait_for(self._register(session), self._options.startup_timeout)
        except TimeoutError:
            seconds = self._options.startup_timeout
            raise UserError(
                f"the model was not loaded within {seconds} s; SAGEMAKER_STARTUP_TIMEOUT allows more"
            ) from None
        except UserError:
            text = readiness.failure(self._run_folder.path)
            if text is None:
                raise
            raise UserError(f"the model cannot be served: {text}") from None

    async def _register(self, session: aiohttp.ClientSession) -> None:
        await management.wait_until_up(session)
        await management.register(session, self._options, management.MODEL_NAME, self._workers)

    async def _ended(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for a signal (0) or for the end of the model server (1)."""
        while not self._stopping.is_set():
            if process.poll() is not None:
                log.error("multi-model-server ended by itself with status %d", process.returncode)
                return EXIT_BUG
            reap(process.pid)
            if self._serving:
                self._check_workers()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), WATCH_INTERVAL)
        return EXIT_OK

    def _check_workers(self) -> None:
        """Follow the workers: /ping, and requests whose worker died.

        Multi-model-server starts a new worker by itself, but may never answer the requests that
        the dead one had.

        Raises:
            UserError: the model does not load a second time.
        """
        was_ready, self._ready = self._ready, bool(readiness.ready_workers(self._run_folder.path))
        if was_ready and not self._ready:
            log.error("the last worker died: its requests get 503, a new one is loading")
            self._gate.drop()
        text = readiness.failure(self._run_folder.path)
        if text is not None and not self._ready:
            raise UserError(f"the model cannot be served: {text}")


async def end(process: subprocess.Popen[bytes]) -> None:
    """End the model server and all its workers at once: the front has finished what ran, nothing is left to save."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await asyncio.to_thread(process.wait, STOP_SECONDS)


def reap(keep: int) -> None:
    """Collect dead orphans, which PID 1 inherits; `keep` is collected by its own Popen."""
    with contextlib.suppress(ChildProcessError):
        while True:
            dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if dead is None or dead.si_pid == keep:
                return
            os.waitpid(dead.si_pid, os.WNOHANG)
