"""Load generator: concurrent clients that each send one request after the other; measures latency and throughput.

    python -m benchmarks.load PORT BODIES CONCURRENCY SECONDS [PATH]

BODIES is a file with one JSON body per line, PATH that of the URL, /invocations by default. It uses asyncio streams
rather than an HTTP library, since on few cores an expensive client would slow down the server. Prints one JSON object
(`LoadResult`).
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
    "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    "Accept: application/json\r\nContent-Length: {}\r\n\r\n"
)
LENGTH = b"content-length:"
INVOCATIONS = "/invocations"


@dataclass(frozen=True)
class LoadResult:
    """Result of one run of the clients.

    Attributes:
        requests: number of responses with status 200.
        failures: number of other responses.
        seconds: time from the first request to the last response.
        p50, p99: percentiles of the latency in seconds.
    """

    requests: int
    failures: int
    seconds: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Server:
    """The server under load, by its port on loopback."""

    port: int

    async def client(self, bodies: Iterator[bytes], until: float, latencies: list[float]) -> int:
        """Send requests over one connection until the time `until`, at least one; returns the number of failures."""
        failures, started = 0, 0.0
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while not started or time.perf_counter() < until:
            started = time.perf_counter()
            writer.write(next(bodies))
            if await status(reader) == 200:
                latencies.append(time.perf_counter() - started)
            else:
                failures += 1
        writer.close()
        return failures

    async def load(self, requests: Iterator[bytes], concurrency: int, seconds: float) -> LoadResult:
        """Run `concurrency` clients for `seconds`, and until each has its last response."""
        latencies: list[float] = []
        started = time.perf_counter()
        clients = [self.client(requests, started + seconds, latencies) for _ in range(concurrency)]
        failures = sum(await asyncio.gather(*clients))
        elapsed = time.perf_counter() - started
        latencies.sort()
        return LoadResult(len(latencies), failures, elapsed, quantile(latencies, 0.5), quantile(latencies, 0.99))


async def status(reader: asyncio.StreamReader) -> int:
    """Read one response; returns its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    lowered = head.lower()
    await reader.readexactly(int(lowered.partition(LENGTH)[2].partition(b"\r\n")[0]))
    return int(head.split(b" ", 2)[1])


def quantile(ordered: list[float], share: float) -> float:
    """The quantile `share` of sorted values; 0 if there are none."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def read_requests(bodies: Path, path: str = INVOCATIONS) -> Iterator[bytes]:
    """Requests to the URL's `path` with each line of the file `bodies`, repeated without end."""
    lines = bodies.read_bytes().splitlines()
    return itertools.cycle([HEAD.format(path, len(line)).encode() + line for line in lines])


def main() -> None:
    """Run the clients and print the result."""
    port, bodies, concurrency, seconds, *path = sys.argv[1:]
    load = Server(int(port)).load(read_requests(Path(bodies), *path), int(concurrency), float(seconds))
    print(json.dumps(asdict(asyncio.run(load))))


if __name__ == "__main__":
    main()
