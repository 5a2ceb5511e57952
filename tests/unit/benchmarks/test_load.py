"""The clients of the inference benchmark, against a server of their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.load import Answers, Server, quantile, read_requests

WAIT = 0.05


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Each request waits; every fourth connection's answers are errors."""
    while head := await reader.readuntil(b"\r\n\r\n"):
        body = await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
        await asyncio.sleep(WAIT)
        status = b"200 OK" if json.loads(body)["inputs"] == "good" else b"400 Bad Request"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\n{}")


async def load(requests: Iterator[bytes]) -> Answers:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    answers = await Server(port).load(requests, concurrency=4, seconds=10 * WAIT)
    server.close()
    return answers


def test_clients_wait_for_their_answers_and_count_failures(tmp_path: Path) -> None:
    (tmp_path / "bodies").write_text('{"inputs": "good"}\n{"inputs": "good"}\n{"inputs": "bad"}\n')
    answers = asyncio.run(load(read_requests(tmp_path / "bodies")))
    assert WAIT <= answers.p50 <= answers.p99 < 40 * WAIT
    # Four clients at most ten times each, a third of their requests bad.
    assert 4 <= answers.requests + answers.failures <= 44
    assert answers.failures == pytest.approx(answers.requests / 2, abs=2)
    assert answers.seconds >= 10 * WAIT


def test_a_quantile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile([7.0], 0.99), quantile([], 0.5)) == (51, 100, 7, 0)
