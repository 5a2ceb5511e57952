"""The address of multi-model-server, for the front only: a Unix socket, or a port on loopback."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from contract.failures import UserError

SOCKET_FILE = "server.sock"
# sun_path of sockaddr_un holds 108 bytes with its last NUL (unix(7)).
SOCKET_PATH_LIMIT = 107
# Multi-model-server takes a port only where it fits a signed 16-bit number.
PORTS = range(20_000, 32_767)
# Where its first worker listens without Unix sockets.
WORKER_PORT = 9_000
# Linux keeps a port for 60 s from the side that closed its connection first (TIME_WAIT).
TIME_WAIT_SECONDS = 90.0
# A worker of a server that was lost listens until it notices.
ENDING_SECONDS = 10.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MmsAddress:
    """The server's address: a socket's path, or a port of 127.0.0.1."""

    path: Path | None = None
    port: int | None = None

    @classmethod
    def choose(cls, folder: Path) -> MmsAddress:
        """A Unix socket in `folder`, which nobody outside reaches; a port where that cannot work.

        The server's library for Unix sockets is unpacked to the folder and run from there, which
        a file system that is mounted noexec forbids (Docker's --tmpfs is one).
        """
        path = folder / SOCKET_FILE
        # Workers' sockets lie one folder deeper and have longer names.
        too_long = len(os.fsencode(folder / "tmp" / ".mms.sock.99999")) > SOCKET_PATH_LIMIT
        if too_long or os.statvfs(folder).f_flag & os.ST_NOEXEC:
            return cls(port=free_port())
        return cls(path=path)

    @property
    def native(self) -> bool:
        """Whether the server may use its native library."""
        return self.path is not None

    async def wait_until_free(self) -> None:
        """Return when workers can bind their port, which the server fixes; a Unix socket needs none.

        Raises:
            UserError: somebody else has it.
        """
        if self.native or not is_taken(WORKER_PORT):
            return
        log.info("port %d was closed just now: waiting until it can be opened again", WORKER_PORT)
        started = time.monotonic()
        while is_taken(WORKER_PORT):
            patience = ENDING_SECONDS if is_listened_on(WORKER_PORT) else TIME_WAIT_SECONDS
            if time.monotonic() - started > patience:
                raise UserError(
                    f"port {WORKER_PORT} is taken, and the temporary folder cannot hold sockets "
                    f"(noexec, or a path too long); expected a TMPDIR that can, or the port free"
                )
            await asyncio.sleep(0.5)

    def __str__(self) -> str:
        """The address as server.properties spells it."""
        return f"unix:{self.path}" if self.path else f"http://127.0.0.1:{self.port}"

    def session(self, timeout: float) -> aiohttp.ClientSession:
        """A client that resolves `/path` at this address; `timeout` in seconds a request."""
        connector: aiohttp.BaseConnector
        connector = aiohttp.UnixConnector(str(self.path), limit=0) if self.path else aiohttp.TCPConnector(limit=0)
        base = "http://server" if self.path else str(self)
        return aiohttp.ClientSession(base, connector=connector, timeout=aiohttp.ClientTimeout(total=timeout))


def is_taken(port: int) -> bool:
    """Whether `port` cannot be bound, as the server's workers bind it: a port just closed counts as taken."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def is_listened_on(port: int) -> bool:
    """Whether somebody accepts connections on `port` of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """A port of PORTS that nobody listens on now."""
    while True:
        port = random.choice(PORTS)  # noqa: S311 - not a secret
        if not is_taken(port):
            return port
