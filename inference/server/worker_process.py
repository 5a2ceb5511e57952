"""WorkerProcess: one worker process of a model: started, asked over its socket, and killed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from inference.messages import NOTICE, Decoder, Message

# Most seconds between the end of a worker's socket and that of its process, unless it hangs.
ENDING_SECONDS = 1.0

log = logging.getLogger(__name__)


class WorkerEndedError(Exception):
    """The worker process ended before it had answered."""


class WorkerConnection(asyncio.Protocol):
    """The server's end of a worker's socket.

    Attributes:
        notice: the worker's first notice: that it is ready, or why its model cannot load.
        sent: when each request without an answer was sent, by its number; seconds of time.monotonic().
        heard: when the worker last sent something.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.notice: asyncio.Future[Mapping[str, Any]] = loop.create_future()
        self.sent: dict[int, float] = {}
        self.heard = 0.0
        self._answers: dict[int, asyncio.Future[Message]] = {}
        self._numbers = itertools.count(NOTICE + 1)
        self._decoder = Decoder()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        self.heard = time.monotonic()
        for message in self._decoder.feed(data):
            if message.number == NOTICE:
                if not self.notice.done():
                    self.notice.set_result(message.fields)
                continue
            answer = self._answers.get(message.number)
            if answer and not answer.done():
                answer.set_result(message)

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        waiting_for: list[asyncio.Future[Any]] = [self.notice, *self._answers.values()]
        for waiting in waiting_for:
            if not waiting.done():
                waiting.set_exception(WorkerEndedError())

    @property
    def is_open(self) -> bool:
        """Whether the worker's process has its end of the socket open."""
        return self._transport is not None

    async def ask(self, fields: Mapping[str, Any], body: bytes) -> Message:
        """Send a request and wait for its answer.

        Raises:
            WorkerEndedError: the worker ended.
        """
        if self._transport is None:
            raise WorkerEndedError
        number = next(self._numbers)
        self._answers[number] = answer = asyncio.get_running_loop().create_future()
        self.sent[number] = time.monotonic()
        self._transport.write(Message(number, fields, body).encoded())
        try:
            return await answer
        finally:
            del self._answers[number], self.sent[number]


class WorkerProcess:
    """A worker process: `python -m inference.worker`.

    Args:
        process: the process.
        connection: the server's end of its socket.
    """

    def __init__(self, process: subprocess.Popen[bytes], connection: WorkerConnection) -> None:
        self._process, self.connection = process, connection

    @classmethod
    async def start(cls, folder: Path, index: int, environ: Mapping[str, str]) -> WorkerProcess:
        """Start the worker `index` (from 0) of the model in `folder`; it inherits stdout and stderr."""
        ours, its = socket.socketpair()
        with its:
            command = [sys.executable, "-m", "inference.worker", str(its.fileno()), str(folder), str(index)]
            process = subprocess.Popen(
                command, env=dict(environ), pass_fds=[its.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
            )
        _, connection = await asyncio.get_running_loop().create_unix_connection(WorkerConnection, sock=ours)
        return cls(process, connection)

    @property
    def pid(self) -> int:
        """PID of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.connection.is_open and self._process.poll() is None

    def exit_status(self) -> int | None:
        """The status of a process that has closed its socket: negative for a signal, None if it runs on."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDING_SECONDS)
        return self._process.returncode

    async def until_ready(self) -> str | None:
        """Wait until the model is loaded and warmed up; the reason if it cannot load.

        Raises:
            WorkerEndedError: the process ended without a reason.
        """
        return (await self.connection.notice).get("failure")

    def kill(self) -> None:
        """Kill the process and those that it started, and wait until their memory is free."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
