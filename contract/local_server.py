"""Client of an inference server on this machine: a free port for it, waiting for /ping, POST /invocations.

For the self-test and the demo, which start the server as a child process.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.request import Request, urlopen

PROBE_SECONDS = 0.2
RESPONSE_SECONDS = 60


def free_port() -> int:
    """A port that is free now on all addresses of this machine."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(process: subprocess.Popen[bytes], address: str, seconds: float) -> bool:
    """Wait until /ping answers 200; returns False if `process` ends or `seconds` pass before.

    Args:
        address: "http://HOST:PORT" of the server.
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


def predict(address: str, texts: Sequence[str | Mapping[str, str]]) -> list[dict[str, Any]]:
    """Send `texts` or pairs of texts in one POST /invocations; returns the label and score of each.

    Raises:
        urllib.error.HTTPError: the server responded with an error status.
    """
    body = json.dumps({"inputs": list(texts)}).encode()
    request = Request(f"{address}/invocations", body, {"Content-Type": "application/json"})  # noqa: S310 (loopback)
    with urlopen(request, timeout=RESPONSE_SECONDS) as response:  # noqa: S310 (our own server on loopback)
        predictions: list[dict[str, Any]] = json.load(response)
    return predictions
