"""Fuzzed requests against the inference server, with good ones among them.

    python -m robustness.fuzz [--requests 10000] [--seed 1]

Starts a server for a small model of its own. Exits with 1, and names
the seeds of the cases, where one was answered with 5xx or not at all, where a good request got
anything but its answer, or where a worker died.
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
# Every so many requests is a good one.
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
ANSWER_SECONDS = 60.0
PAUSE_SECONDS = 0.01

Answer = tuple[int, bytes]


@dataclass
class Findings:
    """What was sent, by kind and status, and what went wrong."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    good: int = 0
    wrong: list[str] = field(default_factory=list)


async def fuzz(port: int, count: int, seed: int) -> Findings:
    """Send cases `seed` to `seed + count` and the good requests among them."""
    findings, numbers = Findings(), itertools.count()
    expected = [await ask(port, text) for text in GOOD_TEXTS]

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


async def ask(port: int, text: str) -> Any:
    """The answer to a good request."""
    body = json.dumps({"inputs": text}).encode()
    (answer,) = await exchange(port, Case("good", (message(body, {"Content-Type": "application/json"}),)))
    if answer[0] != 200:
        raise ValueError(f"status {answer[0]}")
    return json.loads(answer[1])


async def check_good(port: int, index: int, expected: list[Any], findings: Findings) -> None:
    try:
        if not same(await ask(port, GOOD_TEXTS[index]), expected[index]):
            findings.wrong.append(f"good request {index}: another answer")
    except (OSError, EOFError, ValueError, TimeoutError) as error:
        findings.wrong.append(f"good request {index}: {type(error).__name__} {error}")
    findings.good += 1


def same(answer: Any, expected: Any) -> bool:
    """Scores may differ in their last digits: batches of other sizes add up in another order."""
    return len(answer) == len(expected) and all(
        one["label"] == other["label"] and abs(one["score"] - other["score"]) < 1e-3
        for one, other in zip(answer, expected, strict=True)
    )


async def check_case(port: int, seed: int, findings: Findings) -> None:
    case = fuzz_requests.make(seed)
    try:
        answers = await exchange(port, case)
    except (OSError, EOFError, TimeoutError) as error:
        if case.answers:
            findings.wrong.append(f"seed {seed} ({case.name}): no answer, {type(error).__name__}")
        return
    for status, body in answers:
        findings.statuses[case.name, status] += 1
        problem = complaint(case, status, body)
        if problem:
            findings.wrong.append(f"seed {seed} ({case.name}): {problem}")


def complaint(case: Case, status: int, body: bytes) -> str | None:
    """What is wrong with an answer; None where nothing is."""
    if status >= 500:
        return f"status {status}: {body[:200]!r}"
    if status == 200 or not case.answers or case.method == "HEAD" or status == 417:
        return None
    if status == 400 and not body.startswith(b"{") and b"Traceback" not in body:
        # The HTTP parser's own words, for what it gives to no handler.
        return None
    try:
        error = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return f"status {status} without our error: {body[:200]!r}"
    return None if {"code", "message", "request_id"} == error.keys() else f"another error: {error}"


async def exchange(port: int, case: Case) -> list[Answer]:
    """Send a case over a connection of its own; returns its answers.

    Raises:
        EOFError: the connection ended before all answers were there.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 26)
    try:
        for number, piece in enumerate(case.pieces):
            if number:
                await asyncio.sleep(PAUSE_SECONDS)
            writer.write(piece)
            await writer.drain()
        if case.hangs_up:
            return []
        if not case.answers:
            writer.write_eof()
        return [await read_answer(reader, case.method) for _ in range(max(case.answers, 1))]
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader, method: str) -> Answer:
    """One response, after those that only say to go on."""
    status = 100
    while status < 200:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), ANSWER_SECONDS)
        status = int(head.split(b" ", 2)[1])
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0].strip()
    return status, b"" if method == "HEAD" else await reader.readexactly(int(length or 0))


def report(findings: Findings) -> str:
    """A table of kinds and statuses, and the complaints."""
    kinds = sorted({kind for kind, _ in findings.statuses})
    statuses = sorted({status for _, status in findings.statuses})
    rows = [["", *map(str, statuses)]]
    rows += [[kind, *(str(findings.statuses[kind, status] or "") for status in statuses)] for kind in kinds]
    table = "\n".join(f"{row[0]:<18}" + "".join(f"{cell:>8}" for cell in row[1:]) for row in rows)
    return f"{table}\ngood requests: {findings.good}; complaints: {len(findings.wrong)}\n" + "\n".join(
        findings.wrong[:40]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="f", dir="/tmp") as folder, serving(Path(folder)) as server:
        before = servers.members(server.mark)
        findings = asyncio.run(fuzz(server.port, options.requests, options.seed))
        if servers.members(server.mark) != before:
            findings.wrong.append("a process died or was started")
        print(report(findings))
    return 1 if findings.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
