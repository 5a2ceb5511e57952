"""The clients of the inference benchmark, against a small test server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.load import LoadResult, Server, quantile, read_requests

WAIT = 0.05


async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Delay each response; responses of every fourth connection are errors."""
    while head := await reader.readuntil(b"\r\n\r\n"):
        body = await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
        await asyncio.sleep(WAIT)
        status = b"200 OK" if json.loads(body)["inputs"] == "good" else b"400 Bad Request"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\n{}")


async def load(requests: Iterator[bytes]) -> LoadResult:
    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    result = await Server(port).load(requests, concurrency=4, seconds=10 * WAIT)
    server.close()
    return result


def test_clients_wait_for_responses_and_count_failures(tmp_path: Path) -> None:
    (tmp_path / "bodies").write_text('{"inputs": "good"}\n{"inputs": "good"}\n{"inputs": "bad"}\n')
    result = asyncio.run(load(read_requests(tmp_path / "bodies")))
    assert WAIT <= result.p50 <= result.p99 < 40 * WAIT
    # Four clients with at most ten requests each, a third of which fail.
    assert 4 <= result.requests + result.failures <= 44
    assert result.failures == pytest.approx(result.requests / 2, abs=2)
    assert result.seconds >= 10 * WAIT


def test_a_quantile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile([7.0], 0.99), quantile([], 0.5)) == (51, 100, 7, 0)


def test_requests_name_their_path(tmp_path: Path) -> None:
    (tmp_path / "bodies").write_text("{}\n")
    assert next(read_requests(tmp_path / "bodies")).startswith(b"POST /invocations HTTP/1.1\r\n")
    assert next(read_requests(tmp_path / "bodies", "/classify")).startswith(b"POST /classify HTTP/1.1\r\n")
