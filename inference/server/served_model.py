"""One model registered with multi-model-server: registration, state of its workers, its proxy, unloading."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import shutil
import time
from pathlib import Path

import aiohttp

from contract.failures import UserError
from inference import model_store_entry
from inference.options import ServingOptions
from inference.readiness import NO_MEMORY, ReadinessBoard
from inference.server import mms_management
from inference.server.mms_process import RunFolder, ServerLostError
from inference.server.proxy import Proxy

# Names of models at multi-model-server and in the run folder; independent of the names that callers use.
KEYS = (f"model-{number}" for number in itertools.count(1))

# Seconds to wait until a killed worker has ended and its memory is free.
GONE_SECONDS = 10.0

log = logging.getLogger(__name__)


class NoMemoryError(UserError):
    """The model cannot load because memory is too small (reported, or the likely cause of a killed worker)."""


class ServedModel:
    """A model from loading to unloading, across restarts of multi-model-server.

    Args:
        folder: the model's folder.
        options: batch size, batch delay and timeouts are used.
        run_folder: the server's run folder.
        session: HTTP client for multi-model-server's address.
        workers: number of worker processes, each with a copy of the model.
    """

    def __init__(
        self,
        folder: Path,
        options: ServingOptions,
        run_folder: RunFolder,
        session: aiohttp.ClientSession,
        workers: int,
    ) -> None:
        self.folder = folder
        self._options, self._run_folder, self._session, self._workers = options, run_folder, session, workers
        self.key = next(KEYS)
        self._board = ReadinessBoard(run_folder.path, self.key)
        self._lost_at = 0.0
        self.proxy = Proxy(session, self.key)

    async def load(self) -> None:
        """Register the model; returns when all workers are ready and the proxy is open.

        Raises:
            UserError: the model cannot load, with the reason that the worker recorded, if any.
        """
        shutil.rmtree(self._board.folder, ignore_errors=True)
        model_store_entry.write(self._run_folder.store, self.key, self.folder)
        registered = mms_management.register(self._session, self._options, self.key, self._workers)
        try:
            await asyncio.wait_for(registered, self._options.startup_timeout)
        except TimeoutError:
            raise self._startup_timeout_error() from None
        except mms_management.WorkerEndedError:
            raise self._load_error() or NoMemoryError(
                "the worker ended while it loaded the model and recorded no reason; it was probably killed for memory"
            ) from None
        self.proxy.open()

    async def unload(self) -> None:
        """End the model's workers at once; returns when their memory is free. Requests in flight get 503.

        If multi-model-server does not respond, its workers have ended too.
        """
        self.proxy.close()
        with contextlib.suppress(aiohttp.ClientError):
            await mms_management.unregister(self._session, self.key)
        deadline = time.monotonic() + GONE_SECONDS
        while self._board.ready_workers() and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        shutil.rmtree(self._run_folder.store / self.key, ignore_errors=True)
        shutil.rmtree(self._board.folder, ignore_errors=True)

    def follow(self) -> None:
        """Open the proxy while a ready worker is alive, and close it otherwise; called at regular intervals.

        Multi-model-server starts a new worker by itself, but may never respond to the requests of the
        worker that ended.

        Raises:
            UserError: a new worker cannot load the model.
            ServerLostError: the process that starts the workers has ended, which multi-model-server does not notice.
        """
        if self._board.ready_workers():
            self.proxy.open()
            return
        if self.proxy.is_open:
            log.error("the last worker ended: its requests get 503, a new worker is loading the model")
            self.proxy.close()
            self._lost_at = time.monotonic()
        if error := self._load_error():
            raise error
        if not self._board.can_replace():
            raise ServerLostError("the process that starts workers has ended")
        if time.monotonic() - self._lost_at > self._options.startup_timeout:
            raise self._startup_timeout_error()

    def _load_error(self) -> UserError | None:
        text = self._board.failure()
        if not text:
            return None
        kind = NoMemoryError if text.startswith(NO_MEMORY) else UserError
        return kind(f"the model cannot be served: {text}")

    def _startup_timeout_error(self) -> UserError:
        return UserError(
            f"the model was not loaded within {self._options.startup_timeout} s; SAGEMAKER_STARTUP_TIMEOUT allows more"
        )
