"""Exchange: the hosts of a job give each other bytes, such as counts of labels and keys of rows.

It is a TCPStore of torch.distributed, by which torchrun's hosts meet too: the first host keeps keys and values in
memory, and the others connect to a port of it. See docs/decisions/exchange.md.
"""

from __future__ import annotations

import io
import json
import logging
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from contract.failures import UserError
from contract.hosts import Hosts, wait_until_listening

if TYPE_CHECKING:
    from torch.distributed import TCPStore

PORT = 7777
# Seconds from a host's first exchange in which all hosts must connect: some start later, with more input to download.
MEETING_SECONDS = 900.0
# Seconds until all hosts must have given their part: one may read far more rows than another.
PATIENCE_SECONDS = 3600.0
POLL_SECONDS = 0.05
# After an error, for which the other hosts look once in POLL_SECONDS; and to connect, for a host that fails before.
FAREWELL_SECONDS = 2.0
FAILED, CLOSED, CONNECTED = "failed", "closed", "connected"

log = logging.getLogger(__name__)


class NotConnectedError(UserError):
    """A host does not connect to the others."""


class Exchange:
    """Gives every host the parts of all; every host calls `all` with the same names in the same order.

    It connects at the first call, or by `connect`, and of a single host it returns that host's part. Use it as a
    context manager, so that other hosts need not wait for one that has failed.
    """

    def __init__(self, hosts: Hosts | None = None, port: int = PORT) -> None:
        self.hosts, self.port = hosts or Hosts(), port
        self._number = self._kept = self._bytes = 0
        self._store: TCPStore | None = None

    def all(self, name: str, part: bytes) -> list[bytes]:
        """`part` of every host, in the order of their ranks; `name` says in errors what is exchanged.

        Raises:
            UserError: a host has failed, does not answer, or gives nothing in PATIENCE_SECONDS.
            NotConnectedError: a host does not connect in MEETING_SECONDS.
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
                f"host {self.hosts.current} has lost host {self.hosts.names[0]} on port {self.port} while they "
                f"exchanged {name}: expected that host to run, whose log may say why ({first_line(error)})"
            ) from None
        for rank, found in enumerate(parts):
            self._bytes += self._file(number, rank).write_bytes(found)
        self._kept = self._number
        return parts

    def tables(self, name: str, own: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """The tables of the other hosts, in pieces as each host gives its `own`; not in the same order on every host.

        Raises:
            UserError: as `all`.
        """
        pieces = iter(own if self.hosts.count > 1 else ())
        while True:
            piece = next(pieces, None)
            parts = self.all(name, b"" if piece is None else written(piece))
            if not any(parts):
                return
            for host, part in enumerate(parts):
                if part and host != self.hosts.index:
                    yield pa.ipc.open_stream(part).read_all()

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
        log.info("exchanged %.1f MB of all %d hosts", self._bytes / 1e6, self.hosts.count)
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

    def connect(self) -> None:
        """Wait until all hosts are connected, before the work in which one of them may fail.

        Raises:
            NotConnectedError: a host does not connect in MEETING_SECONDS.
        """
        if self.hosts.count > 1 and not self._kept:
            self._connected()

    def _connected(self) -> TCPStore:
        """The store, once all hosts are connected; raises NotConnectedError."""
        if self._store is None:
            hosts, deadline = self.hosts, time.monotonic() + MEETING_SECONDS
            log.info("meeting %d hosts on port %d of %s", hosts.count, self.port, hosts.names[0])
            self._store = self._opened(MEETING_SECONDS)
            keys = [f"{CONNECTED} {rank}" for rank in range(hosts.count)]
            self._store.set(keys[hosts.index], "+")
            if missing := self._missing(self._store, keys, deadline):
                raise NotConnectedError(
                    f"host {missing} did not connect to host {hosts.names[0]} on port {self.port} within "
                    f"{MEETING_SECONDS:.0f} s, expected all {hosts.count} hosts to run, and a network in which they "
                    "reach each other"
                )
        return self._store

    def _opened(self, seconds: float) -> TCPStore:
        """The store, connected to the first host; raises NotConnectedError if that takes longer than `seconds`."""
        # Else a host that ends is logged with addresses in its program.
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
        # Imported late: it takes more than a second, and most jobs need none.
        from torch.distributed import TCPStore

        first, is_first = self.hosts.names[0], self.hosts.index == 0
        try:
            if not is_first:
                # TCPStore waits too, but up to twice as long, and logs a page of addresses.
                wait_until_listening(first, self.port, seconds)
            return TCPStore(
                first, self.port, is_master=is_first, timeout=timedelta(seconds=seconds), wait_for_workers=False
            )
        except (RuntimeError, OSError) as error:
            problem = (
                f"host {first} cannot listen on port {self.port}: expected a free port"
                if is_first
                else f"host {self.hosts.current} cannot reach host {first} on port {self.port} within {seconds:.0f} s: "
                "expected that host to run, and a network in which the hosts reach each other"
            )
            raise NotConnectedError(f"{problem} ({first_line(error)})") from None

    def _wait(self, store: TCPStore, keys: Sequence[str], name: str) -> None:
        """Wait until all `keys` are there; raises UserError as `all`."""
        if missing := self._missing(store, keys, time.monotonic() + PATIENCE_SECONDS):
            raise UserError(
                f"host {missing} did not give its part of the {name} within {PATIENCE_SECONDS:.0f} s, expected all "
                f"{self.hosts.count} hosts to run"
            )

    def _missing(self, store: TCPStore, keys: Sequence[str], deadline: float) -> str:
        """The names of hosts whose key is not there at `deadline`, a time of the monotonic clock; empty if all are.

        Raises:
            UserError: a host has failed.
        """
        while not store.check(list(keys)):
            if store.check([FAILED]):
                raise UserError(store.get(FAILED).decode())
            if time.monotonic() > deadline:
                return " and ".join(
                    host for host, key in zip(self.hosts.names, keys, strict=True) if not store.check([key])
                )
            time.sleep(POLL_SECONDS)
        return ""

    @cached_property
    def _folder(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="exchange-")

    def _file(self, number: int, rank: int) -> Path:
        """Where the part of a host is kept, for a job that starts again."""
        return Path(self._folder.name, f"{number}-{rank}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *_: object) -> None:
        if kind is not None and self._store is not None:
            # Every host is to name one that does not connect.
            is_missing = isinstance(error, NotConnectedError)
            problem = str(error) if is_missing else f"host {self.hosts.current} has failed, whose log says why"
            try:
                if not self._store.check([FAILED]):
                    self._store.set(FAILED, problem)
                if self.hosts.index == 0:
                    time.sleep(FAREWELL_SECONDS)
            except RuntimeError:
                log.debug("host %s has ended before", self.hosts.names[0])
        self._store = None
        if "_folder" in self.__dict__:
            self._folder.cleanup()


def first_line(error: Exception) -> str:
    """The first line of an error of the store; the others are addresses in its program."""
    return str(error).splitlines()[0][:200]


def written(rows: pa.Table) -> bytes:
    """`rows` as a stream of Arrow's IPC format."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return sink.getvalue()
