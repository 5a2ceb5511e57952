"""ServedModel: a model and its worker processes: loading, answers to requests, replacement of workers, unloading."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from pathlib import Path

from contract.failures import UserError
from inference.messages import NO_MEMORY, Message
from inference.options import ServingOptions
from inference.server.worker_process import WorkerEndedError, WorkerProcess

# A worker ends by itself after the response timeout; this many seconds later it is killed.
GRACE_SECONDS = 10.0

log = logging.getLogger(__name__)


class NoMemoryError(UserError):
    """The model cannot load because memory is too small (reported, or the likely cause of a killed worker)."""


class BusyError(Exception):
    """No worker is ready, or too many requests wait."""


class ServedModel:
    """A model from loading to unloading.

    Args:
        folder: the model's folder.
        options: timeouts and the length of the queue are used.
        environ: environment variables of the workers.
        workers: number of worker processes, each with a copy of the model.
    """

    def __init__(self, folder: Path, options: ServingOptions, environ: Mapping[str, str], workers: int) -> None:
        self.folder = folder
        self._options, self._environ, self._count = options, environ, workers
        self._workers: list[WorkerProcess] = []
        self._loading: dict[int, asyncio.Task[WorkerProcess]] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._in_flight, self._bytes_in_flight = 0, 0

    @property
    def is_ready(self) -> bool:
        """Whether a ready worker is alive."""
        return any(worker.is_alive for worker in self._workers)

    @property
    def worker_pids(self) -> set[int]:
        """PIDs of the workers that are started."""
        return {worker.pid for worker in self._workers}

    async def load(self) -> None:
        """Start the workers; returns when all are ready.

        Raises:
            UserError: the model cannot load, with the worker's reason, if any.
        """
        self._workers = list(await asyncio.gather(*(self._started(index) for index in range(self._count))))

    async def ask(self, fields: Mapping[str, object], body: bytes) -> Message:
        """Send a request to the worker with the fewest requests, and wait for the answer.

        Raises:
            BusyError: no worker is ready, or SERVING_QUEUE_SIZE requests or SERVING_QUEUE_MB of bodies wait.
            WorkerEndedError: the worker ended.
        """
        ready = [worker for worker in self._workers if worker.is_alive]
        if not ready:
            raise BusyError("the model is not loaded yet; try again")
        if self._in_flight >= self._options.queue_size + len(ready) * self._options.batch_size:
            raise BusyError("too many requests are waiting; try again")
        if self._in_flight and self._bytes_in_flight + len(body) > self._options.queue_bytes:
            raise BusyError(f"requests of more than {self._options.queue_mb:,} MiB would be waiting; try again")
        self._in_flight += 1
        self._bytes_in_flight += len(body)
        self._idle.clear()
        try:
            return await min(ready, key=lambda worker: len(worker.connection.sent)).connection.ask(fields, body)
        finally:
            self._in_flight -= 1
            self._bytes_in_flight -= len(body)
            if not self._in_flight:
                self._idle.set()

    async def idle(self) -> None:
        """Wait until no request is in flight."""
        await self._idle.wait()

    def follow(self) -> None:
        """Replace workers that have ended or do not answer; called at regular intervals.

        Raises:
            UserError: a new worker cannot load the model.
        """
        for index, worker in enumerate(self._workers):
            if index in self._loading:
                self._replace(index)
            elif self._is_lost(worker):
                worker.kill()
                which = "a worker" if self.is_ready else "the last worker"
                log.error("%s ended: its requests get 503, a new worker is loading the model", which)
                self._loading[index] = asyncio.create_task(self._started(index))

    def close(self) -> None:
        """Kill the workers; requests in flight get 503."""
        for task in self._loading.values():
            task.cancel()
        self._loading.clear()
        for worker in self._workers:
            worker.kill()

    async def unload(self) -> None:
        """End the model's workers at once; returns when their memory is free. Requests in flight get 503."""
        self.close()
        self._workers = []

    def _is_lost(self, worker: WorkerProcess) -> bool:
        connection = worker.connection
        oldest = min(connection.sent.values(), default=None)
        most = self._options.response_timeout + GRACE_SECONDS
        is_late = oldest is not None and time.monotonic() - max(oldest, connection.heard) > most
        return not worker.is_alive or is_late

    def _replace(self, index: int) -> None:
        if self._loading[index].done():
            self._workers[index] = self._loading.pop(index).result()

    async def _started(self, index: int) -> WorkerProcess:
        """Start a worker and wait until it is ready.

        Raises:
            UserError: it is not.
        """
        worker = await WorkerProcess.start(self.folder, index, self._environ)
        try:
            failure = await asyncio.wait_for(worker.until_ready(), self._options.startup_timeout)
        except BaseException as error:
            failed = self._load_error(error, worker)
            worker.kill()
            raise failed from None
        if failure is None:
            return worker
        worker.kill()
        kind = NoMemoryError if failure.startswith(NO_MEMORY) else UserError
        raise kind(f"the model cannot be served: {failure}")

    def _load_error(self, error: BaseException, worker: WorkerProcess) -> BaseException:
        if isinstance(error, TimeoutError):
            return UserError(
                f"the model was not loaded within {self._options.startup_timeout} s; "
                "SAGEMAKER_STARTUP_TIMEOUT allows more"
            )
        if isinstance(error, WorkerEndedError):
            status = worker.exit_status()
            if status is not None and status >= 0:
                return UserError(f"the worker ended with status {status} while it loaded the model; its log says why")
            return NoMemoryError(
                "the worker ended while it loaded the model and recorded no reason; it was probably killed for memory"
            )
        return error
