"""One model registered with multi-model-server: its registration, its workers' state, its proxy, unloading."""

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

# What multi-model-server and its workers call a model, whatever its caller calls it.
KEYS = (f"model-{number}" for number in itertools.count(1))

# Seconds until a killed worker's memory is free.
GONE_SECONDS = 10.0

log = logging.getLogger(__name__)


class NoMemoryError(UserError):
    """The model cannot load for want of memory, as far as anybody can tell."""


class ServedModel:
    """A model from its load to its unload, over all lives of the model server.

    Args:
        folder: the model's.
        options: limits.
        run_folder: the server's.
        session: HTTP client whose connections end at multi-model-server's address.
        workers: processes that hold the model.
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
        """Register the model; returns when every worker is warm and the gate is open.

        Raises:
            UserError: the model cannot load; with the worker's own reason where it gave one.
        """
        shutil.rmtree(self._board.folder, ignore_errors=True)
        model_store_entry.write(self._run_folder.store, self.key, self.folder)
        registered = mms_management.register(self._session, self._options, self.key, self._workers)
        try:
            await asyncio.wait_for(registered, self._options.startup_timeout)
        except TimeoutError:
            raise self._too_slow() from None
        except mms_management.WorkerEndedError:
            raise self._broken() or NoMemoryError(
                "the worker ended while it loaded the model and gave no reason, as one does that is killed for memory"
            ) from None
        self.proxy.open()

    async def unload(self) -> None:
        """End the model's workers at once; returns when their memory is free. Requests that run get 503.

        Where the model server is gone, so are the workers.
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
        """Open and close the gate as workers come and go.

        Multi-model-server starts a new worker by itself, but may never answer the requests that
        the dead one had.

        Raises:
            UserError: the model does not load a second time.
            ServerLostError: the process that starts the workers is dead, which multi-model-server overlooks.
        """
        if self._board.ready_workers():
            self.proxy.open()
            return
        if self.proxy.is_open:
            log.error("the last worker died: its requests get 503, a new one is loading")
            self.proxy.close()
            self._lost_at = time.monotonic()
        if broken := self._broken():
            raise broken
        if not self._board.can_replace():
            raise ServerLostError("the process that starts workers died")
        if time.monotonic() - self._lost_at > self._options.startup_timeout:
            raise self._too_slow()

    def _broken(self) -> UserError | None:
        text = self._board.failure()
        if not text:
            return None
        kind = NoMemoryError if text.startswith(NO_MEMORY) else UserError
        return kind(f"the model cannot be served: {text}")

    def _too_slow(self) -> UserError:
        return UserError(
            f"the model was not loaded within {self._options.startup_timeout} s; SAGEMAKER_STARTUP_TIMEOUT allows more"
        )
