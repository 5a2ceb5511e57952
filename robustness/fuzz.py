"""Sends fuzzed requests to an inference server, with valid requests among them, and checks the responses.

    python -m robustness.fuzz [--requests 10000] [--seed 1]

Starts a server with a small model. Exits with 1 and prints the seeds of the cases if a fuzzed request got
status 5xx or no response, a valid request got another prediction than before, or a worker ended.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import servers
from robustness import fuzz_requests
from robustness.fuzz_requests import Case, message
from robustness.served import serving

CLIENTS = 8
# One of so many requests is valid.
GOOD_EVERY = 4
GOOD_TEXTS = [
    "good film",
    "bad",
    "the very dull end of the story",
    "bright",
    "",
    "\u00e9t\u00e9 \U0001f600",
    "x " * 500,
]
RESPONSE_SECONDS = 60.0
PAUSE_SECONDS = 0.01

Response = tuple[int, bytes]


@dataclass
class Findings:
    """Results of the fuzzing.

    Attributes:
        statuses: number of responses by kind of request and status.
        good: number of valid requests.
        wrong: descriptions of wrong responses.
    """

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    good: int = 0
    wrong: list[str] = field(default_factory=list)


async def fuzz(port: int, count: int, seed: int) -> Findings:
    """Send the cases of the seeds `seed` to `seed + count`, with valid requests among them."""
    findings, numbers = Findings(), itertools.count()
    expected = [await predict(port, text) for text in GOOD_TEXTS]

    async def client() -> None:
        for number in numbers:
            if number >= count:
                return
            if number % GOOD_EVERY == 0:
                await check_good(port, number % len(GOOD_TEXTS), expected, findings)
            else:
                await check_case(port, seed + number, findings)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return findings


async def predict(port: int, text: str) -> Any:
    """Send a valid request; returns the prediction.

    Raises:
        ValueError: the status is not 200.
    """
    body = json.dumps({"inputs": text}).encode()
    ((status, content),) = await exchange(port, Case("good", (message(body, {"Content-Type": "application/json"}),)))
    if status != 200:
        raise ValueError(f"status {status}")
    return json.loads(content)


async def check_good(port: int, index: int, expected: list[Any], findings: Findings) -> None:
    """Send a valid request and compare its prediction with the expected one."""
    try:
        if not same(await predict(port, GOOD_TEXTS[index]), expected[index]):
            findings.wrong.append(f"valid request {index}: another prediction")
    except (OSError, EOFError, ValueError, TimeoutError) as error:
        findings.wrong.append(f"valid request {index}: {type(error).__name__} {error}")
    findings.good += 1


def same(prediction: Any, expected: Any) -> bool:
    """Whether two predictions are equal, up to the rounding error between batches of different shapes."""
    return len(prediction) == len(expected) and all(
        one["label"] == other["label"] and abs(one["score"] - other["score"]) < 1e-3
        for one, other in zip(prediction, expected, strict=True)
    )


async def check_case(port: int, seed: int, findings: Findings) -> None:
    """Send the fuzzed request of a seed and check its responses."""
    case = fuzz_requests.make(seed)
    try:
        responses = await exchange(port, case)
    except (OSError, EOFError, TimeoutError) as error:
        if case.responses:
            findings.wrong.append(f"seed {seed} ({case.name}): no response, {type(error).__name__}")
        return
    for status, body in responses:
        findings.statuses[case.name, status] += 1
        problem = check_response(case, status, body)
        if problem:
            findings.wrong.append(f"seed {seed} ({case.name}): {problem}")


def check_response(case: Case, status: int, body: bytes) -> str | None:
    """A description of what is wrong with a response; None if nothing is."""
    if status >= 500:
        return f"status {status}: {body[:200]!r}"
    if status == 200 or not case.responses or case.method == "HEAD" or status == 417:
        return None
    if status == 400 and not body.startswith(b"{") and b"Traceback" not in body:
        # The HTTP parser's own error, for invalid HTTP that reaches no handler.
        return None
    try:
        error = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return f"status {status} without the server's JSON error: {body[:200]!r}"
    return None if {"code", "message", "request_id"} == error.keys() else f"unexpected fields of the error: {error}"


async def exchange(port: int, case: Case) -> list[Response]:
    """Send a case over a new connection; returns its responses.

    Raises:
        EOFError: the connection was closed before all responses had arrived.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 26)
    try:
        for number, piece in enumerate(case.pieces):
            if number:
                await asyncio.sleep(PAUSE_SECONDS)
            writer.write(piece)
            await writer.drain()
        if case.disconnects:
            return []
        if not case.responses:
            writer.write_eof()
        return [await read_response(reader, case.method) for _ in range(max(case.responses, 1))]
    finally:
        writer.close()


async def read_response(reader: asyncio.StreamReader, method: str) -> Response:
    """Read one response, after interim responses (1xx)."""
    status = 100
    while status < 200:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), RESPONSE_SECONDS)
        status = int(head.split(b" ", 2)[1])
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0].strip()
    return status, b"" if method == "HEAD" else await reader.readexactly(int(length or 0))


def report(findings: Findings) -> str:
    """A table of responses by kind and status, and the wrong responses."""
    kinds = sorted({kind for kind, _ in findings.statuses})
    statuses = sorted({status for _, status in findings.statuses})
    rows = [["", *map(str, statuses)]]
    rows += [[kind, *(str(findings.statuses[kind, status] or "") for status in statuses)] for kind in kinds]
    table = "\n".join(f"{row[0]:<18}" + "".join(f"{cell:>8}" for cell in row[1:]) for row in rows)
    return f"{table}\nvalid requests: {findings.good}; wrong responses: {len(findings.wrong)}\n" + "\n".join(
        findings.wrong[:40]
    )


def main() -> int:
    """Start the server, fuzz it and print the findings; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000, help="number of requests")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first case")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="f", dir="/tmp") as folder, serving(Path(folder)) as server:
        before = servers.members(server.mark)
        findings = asyncio.run(fuzz(server.port, options.requests, options.seed))
        if servers.members(server.mark) != before:
            findings.wrong.append("a process ended or was started")
        print(report(findings))
    return 1 if findings.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
