"""Load generator: clients that send one request after another, and their latencies.

    python -m benchmarks.load PORT BODIES CONCURRENCY SECONDS

BODIES is a file with one JSON body a line. A process of its own over bare sockets: on few cores
a costly client would measure itself. Prints one JSON object (`Answers`).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

HEAD = (
    "POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    "Accept: application/json\r\nContent-Length: {}\r\n\r\n"
)
LENGTH = b"content-length:"


@dataclass(frozen=True)
class Answers:
    """What one run of the clients saw.

    Attributes:
        requests: answered with 200.
        failures: answered with anything else.
        seconds: from the first request to the last answer.
        p50: median wait for an answer in seconds; p99 likewise.
    """

    requests: int
    failures: int
    seconds: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Server:
    """Where requests go."""

    port: int

    async def client(self, bodies: Iterator[bytes], until: float, waits: list[float]) -> int:
        """Send requests over one connection until the clock says `until`, at least one; returns how many failed."""
        failures, started = 0, 0.0
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while not started or time.perf_counter() < until:
            started = time.perf_counter()
            writer.write(next(bodies))
            if await status(reader) == 200:
                waits.append(time.perf_counter() - started)
            else:
                failures += 1
        writer.close()
        return failures

    async def load(self, requests: Iterator[bytes], concurrency: int, seconds: float) -> Answers:
        """`concurrency` clients for `seconds`, and until all of them have their last answer."""
        waits: list[float] = []
        started = time.perf_counter()
        clients = [self.client(requests, started + seconds, waits) for _ in range(concurrency)]
        failures = sum(await asyncio.gather(*clients))
        elapsed = time.perf_counter() - started
        waits.sort()
        return Answers(len(waits), failures, elapsed, quantile(waits, 0.5), quantile(waits, 0.99))


async def status(reader: asyncio.StreamReader) -> int:
    """Read one response; returns its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    lowered = head.lower()
    await reader.readexactly(int(lowered.partition(LENGTH)[2].partition(b"\r\n")[0]))
    return int(head.split(b" ", 2)[1])


def quantile(ordered: list[float], share: float) -> float:
    """The value that `share` of `ordered` stay below; 0 where there is none."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def read_requests(path: Path) -> Iterator[bytes]:
    """The requests in `path`, over and over."""
    bodies = path.read_bytes().splitlines()
    return itertools.cycle([HEAD.format(len(body)).encode() + body for body in bodies])


def main() -> None:
    port, path, concurrency, seconds = sys.argv[1:]
    load = Server(int(port)).load(read_requests(Path(path)), int(concurrency), float(seconds))
    print(json.dumps(asdict(asyncio.run(load))))


if __name__ == "__main__":
    main()
