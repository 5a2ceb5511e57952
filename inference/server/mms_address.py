"""The address on which multi-model-server listens for the HTTP front: a Unix socket, or a port on loopback."""

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
# Multi-model-server accepts only ports that fit a signed 16-bit integer.
PORTS = range(20_000, 32_767)
# Port of multi-model-server's first worker if it cannot use Unix sockets.
WORKER_PORT = 9_000
# Linux keeps a port busy for 60 s on the side that closed the connection first (TIME_WAIT).
TIME_WAIT_SECONDS = 90.0
# Seconds until a worker has ended whose server has ended.
ENDING_SECONDS = 10.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MmsAddress:
    """Multi-model-server's address: the path of a Unix socket, or a port of 127.0.0.1."""

    path: Path | None = None
    port: int | None = None

    @classmethod
    def choose(cls, folder: Path) -> MmsAddress:
        """Choose a Unix socket in `folder`, which no other container reaches, or a port if a socket cannot work.

        Multi-model-server unpacks its native library for Unix sockets into `folder` and loads it from
        there, which a file system that is mounted noexec (such as Docker's --tmpfs) does not allow.
        """
        path = folder / SOCKET_FILE
        # Workers' sockets are one folder deeper and have longer names.
        too_long = len(os.fsencode(folder / "tmp" / ".mms.sock.99999")) > SOCKET_PATH_LIMIT
        if too_long or os.statvfs(folder).f_flag & os.ST_NOEXEC:
            return cls(port=free_port())
        return cls(path=path)

    @property
    def native(self) -> bool:
        """Whether multi-model-server can use its native library for Unix sockets."""
        return self.path is not None

    async def wait_until_free(self) -> None:
        """Wait until workers can bind WORKER_PORT, which multi-model-server fixes; not needed for a Unix socket.

        Raises:
            UserError: another process listens on the port.
        """
        if self.native or not is_taken(WORKER_PORT):
            return
        log.info("waiting for port %d, which is still in use by connections that were closed just now", WORKER_PORT)
        started = time.monotonic()
        while is_taken(WORKER_PORT):
            patience = ENDING_SECONDS if is_listened_on(WORKER_PORT) else TIME_WAIT_SECONDS
            if time.monotonic() - started > patience:
                raise UserError(
                    f"port {WORKER_PORT} is in use, and the temporary folder cannot hold Unix sockets "
                    f"(mounted noexec, or its path is too long); expected a TMPDIR that can, or the port to be free"
                )
            await asyncio.sleep(0.5)

    def __str__(self) -> str:
        """The address in the notation of multi-model-server's server.properties."""
        return f"unix:{self.path}" if self.path else f"http://127.0.0.1:{self.port}"

    def session(self, timeout: float) -> aiohttp.ClientSession:
        """An HTTP client whose relative URLs are resolved at this address; `timeout` in seconds per request."""
        connector: aiohttp.BaseConnector
        connector = aiohttp.UnixConnector(str(self.path), limit=0) if self.path else aiohttp.TCPConnector(limit=0)
        base = "http://server" if self.path else str(self)
        return aiohttp.ClientSession(base, connector=connector, timeout=aiohttp.ClientTimeout(total=timeout))


def is_taken(port: int) -> bool:
    """Whether `port` cannot be bound on 127.0.0.1; a port in TIME_WAIT cannot, as for multi-model-server's workers."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def is_listened_on(port: int) -> bool:
    """Whether a process accepts connections on `port` of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """A port of PORTS that can be bound now."""
    while True:
        port = random.choice(PORTS)  # noqa: S311 - not a secret
        if not is_taken(port):
            return port
