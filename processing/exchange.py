"""Exchange: the hosts of a job give each other bytes, such as counts of labels and keys of rows.

It is a TCPStore of torch.distributed, by which torchrun's hosts meet too: the first host keeps keys and values in
memory, and the others connect to its PORT. See docs/decisions/exchange.md.
"""

from __future__ import annotations

import json
import logging
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from contract.failures import UserError
from contract.hosts import Hosts

if TYPE_CHECKING:
    from torch.distributed import TCPStore

PORT = 7777
# Seconds until the first host must answer, and until all hosts must have given their part: one may read far more rows.
MEETING_SECONDS, PATIENCE_SECONDS = 900.0, 3600.0
POLL_SECONDS = 0.05
# After an error, for which the other hosts look once in POLL_SECONDS.
FAREWELL_SECONDS = 2.0
FAILED, CLOSED = "failed", "closed"

log = logging.getLogger(__name__)


class Exchange:
    """Gives every host the parts of all; every host calls `all` with the same names in the same order.

    It connects at the first call, and of a single host it returns that host's part. Use it as a context manager, so
    that other hosts need not wait for one that has failed.
    """

    def __init__(self, hosts: Hosts | None = None) -> None:
        self.hosts = hosts or Hosts()
        self._number = self._kept = 0
        self._store: TCPStore | None = None

    def all(self, name: str, part: bytes) -> list[bytes]:
        """`part` of every host, in the order of their ranks; `name` says in errors what is exchanged.

        Raises:
            UserError: a host has failed, does not answer, or gives nothing in PATIENCE_SECONDS.
        """
        if self.hosts.count == 1:
            return [part]
        number, self._number = self._number, self._number + 1
        if number < self._kept:
            return [self._file(number, rank).read_bytes() for rank in range(self.hosts.count)]
        try:
            parts = self._exchanged(f"{number} {name}", name, part)
        except RuntimeError as error:
            raise UserError(
                f"host {self.hosts.current} cannot reach host {self.hosts.names[0]} on port {PORT} to exchange {name}: "
                f"expected that host to be running, and a network in which the hosts reach each other "
                f"({str(error).splitlines()[0][:200]})"
            ) from None
        for rank, found in enumerate(parts):
            self._file(number, rank).write_bytes(found)
        self._kept = self._number
        return parts

    def values(self, name: str, value: Any) -> list[Any]:
        """As `all`, for values of JSON."""
        return [json.loads(part) for part in self.all(name, json.dumps(value).encode())]

    def again(self) -> Self:
        """The exchange for a job that starts again on this host alone: what was exchanged is not sent again."""
        self._number = 0
        return self

    def finish(self) -> None:
        """End the exchange, once all hosts have what they need; the first host waits for the others."""
        if self._store is None:
            return
        try:
            closed = self._store.add(CLOSED, 1)
            deadline = time.monotonic() + PATIENCE_SECONDS
            while self.hosts.index == 0 and closed < self.hosts.count and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
                closed = self._store.add(CLOSED, 0)
        except RuntimeError:
            log.debug("host %s has ended before", self.hosts.names[0])
        self._store = None

    def _exchanged(self, key: str, name: str, part: bytes) -> list[bytes]:
        store, hosts = self._connected(), self.hosts
        keys = [f"{key} {rank}" for rank in range(hosts.count)]
        # An empty value could not be told from none.
        store.set(keys[hosts.index], b"+" + part)
        self._wait(store, keys, name)
        parts = [part if rank == hosts.index else store.get(place)[1:] for rank, place in enumerate(keys)]
        if store.add(f"{key} read", 1) == hosts.count:
            for place in keys:
                store.delete_key(place)
        return parts

    def _connected(self) -> TCPStore:
        if self._store is None:
            # Imported late: it takes more than a second, and most jobs need none.
            from torch.distributed import TCPStore

            is_first = self.hosts.index == 0
            log.info("meeting %d hosts on port %d of %s", self.hosts.count, PORT, self.hosts.names[0])
            self._store = TCPStore(
                self.hosts.names[0],
                PORT,
                is_master=is_first,
                timeout=timedelta(seconds=MEETING_SECONDS),
                wait_for_workers=False,
            )
        return self._store

    def _wait(self, store: TCPStore, keys: Sequence[str], name: str) -> None:
        """Wait until all `keys` are there; raises UserError as `all`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not store.check(list(keys)):
            if store.check([FAILED]):
                raise UserError(f"host {store.get(FAILED).decode()} has failed, whose log says why")
            if time.monotonic() > deadline:
                missing = [host for host, key in zip(self.hosts.names, keys, strict=True) if not store.check([key])]
                raise UserError(
                    f"host {' and '.join(missing)} did not give its part of the {name} within "
                    f"{PATIENCE_SECONDS:.0f} s, expected all {self.hosts.count} hosts to run"
                )
            time.sleep(POLL_SECONDS)

    @cached_property
    def _folder(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="exchange-")

    def _file(self, number: int, rank: int) -> Path:
        """Where the part of a host is kept, for a job that starts again."""
        return Path(self._folder.name, f"{number}-{rank}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self._store is not None:
            try:
                if not self._store.check([FAILED]):
                    self._store.set(FAILED, self.hosts.current)
                if self.hosts.index == 0:
                    time.sleep(FAREWELL_SECONDS)
            except RuntimeError:
                log.debug("host %s has ended before", self.hosts.names[0])
        self._store = None
        if "_folder" in self.__dict__:
            self._folder.cleanup()
