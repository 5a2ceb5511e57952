"""The hosts of a job and the rank of this host, from SageMaker's resourceconfig.json; waiting for a host's port."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from contract.failures import UserError

# To connect once: packets to a host behind a firewall are lost without an answer.
ATTEMPT_SECONDS, PAUSE_SECONDS = 5.0, 0.2


@dataclass(frozen=True)
class Hosts:
    """The names of the job's hosts in the order of their ranks, and the name of this host."""

    current: str = "algo-1"
    names: tuple[str, ...] = ("algo-1",)

    @classmethod
    def read(cls, path: Path) -> Hosts:
        """Read `current_host` and `hosts` from `path`; a single host if the file does not exist.

        Hosts are sorted by length and name (algo-2 before algo-10), so that all compute the same ranks.

        Raises:
            UserError: the file is not JSON, or `current_host` is not among `hosts`.
        """
        if not path.exists():
            return cls()
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
            current = str(config["current_host"])
            names = tuple(sorted(map(str, config["hosts"]), key=lambda name: (len(name), name)))
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path}: expected JSON with current_host and hosts, got {type(error).__name__}: {error}"
            ) from None
        if current not in names:
            raise UserError(f"{path}: current_host is {current!r}, expected one of {list(names)}")
        return cls(current, names)

    @property
    def index(self) -> int:
        """Rank of this host, from 0 to count - 1."""
        return self.names.index(self.current)

    @property
    def count(self) -> int:
        """Number of hosts."""
        return len(self.names)


def wait_until_listening(host: str, port: int, seconds: float) -> None:
    """Wait until `host` accepts connections on `port`; raises OSError, that of the last attempt, after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((host, port), ATTEMPT_SECONDS).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(PAUSE_SECONDS)
