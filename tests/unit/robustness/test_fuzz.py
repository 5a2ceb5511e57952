from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest

from robustness.fuzz import Findings, check_response, fuzz, report
from robustness.fuzz_requests import Case, make

ERROR = json.dumps({"error": {"code": "bad_request", "message": "why", "request_id": "1"}}).encode()


def test_a_seed_is_always_the_same_case_and_all_kinds_come() -> None:
    assert make(5) == make(5)
    kinds = Counter(make(seed).name for seed in range(500))
    assert len(kinds) == 12
    assert min(kinds.values()) > 5


@pytest.mark.parametrize(
    ("status", "body", "fine"),
    [
        (200, b"anything", True),
        (400, ERROR, True),
        (400, b"Bad Request", True),
        (415, b"Bad Request", False),
        (413, ERROR, True),
        (404, b'{"error": {"code": "not_found"}}', False),
        (400, b"Traceback (most recent call last)", False),
        (500, ERROR, False),
        (503, ERROR, False),
    ],
)
def test_check_response_finds_wrong_responses(status: int, body: bytes, fine: bool) -> None:
    assert (check_response(Case("body", ()), status, body) is None) is fine


async def answered(response: bytes, count: int) -> Findings:
    """Findings for a server that sends the same response to every request and closes the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        return await fuzz(server.sockets[0].getsockname()[1], count, seed=1)


def test_a_failing_server_is_noticed() -> None:
    body = b'[{"label": "A", "score": 0.5}]'
    good = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    findings = asyncio.run(answered(good, 40))
    # Pipelined requests got one response instead of several.
    assert any("(pipelined): no response" in wrong for wrong in findings.wrong)
    assert not any(wrong.startswith("valid request") for wrong in findings.wrong)
    assert findings.good == 10
    assert "valid requests: 10" in report(findings)
