"""The inference server as a child process on this machine: a port for it, waiting until it is ready, asking it."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Sequence
from typing import Any
from urllib.request import Request, urlopen

PROBE_SECONDS = 0.2
ANSWER_SECONDS = 60


def free_port() -> int:
    """A port that nobody listens on now, on any address of this machine."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(process: subprocess.Popen[bytes], address: str, seconds: float) -> bool:
    """Wait until /ping answers 200; returns False where `process` has ended or `seconds` are over before that.

    Args:
        address: of the server, "http://HOST:PORT".
    """
    deadline = time.monotonic() + seconds
    while not is_ready(address):
        if process.poll() is not None or time.monotonic() > deadline:
            return False
        time.sleep(PROBE_SECONDS)
    return True


def is_ready(address: str) -> bool:
    """Whether GET /ping answers 200."""
    try:
        with urlopen(f"{address}/ping", timeout=5) as response:  # noqa: S310 (our own server on loopback)
            return bool(response.status == 200)
    except OSError:
        return False


def ask(address: str, texts: Sequence[str]) -> list[dict[str, Any]]:
    """The label and score of each of `texts`, by one POST /invocations.

    Raises:
        urllib.error.HTTPError: the server answered with an error.
    """
    body = json.dumps({"inputs": list(texts)}).encode()
    request = Request(f"{address}/invocations", body, {"Content-Type": "application/json"})  # noqa: S310 (loopback)
    with urlopen(request, timeout=ANSWER_SECONDS) as response:  # noqa: S310 (our own server on loopback)
        answers: list[dict[str, Any]] = json.load(response)
    return answers
