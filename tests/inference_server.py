"""Runs an inference server for integration tests, and finds its processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests

from contract.local_server import free_port

# Much more than needed, so that no test fails on a busy machine.
ANSWER_SECONDS = 180
# By these ONNX Runtime knows a test's machine, on which it sends no usage data: users' machines have none of them.
CI_VARIABLES = ("CI", "GITHUB_ACTIONS", "TF_BUILD")


@dataclass
class Server:
    """A running `python -m inference serve`."""

    process: subprocess.Popen[str]
    url: str
    log: Path
    temporary: Path

    def ping(self) -> int:
        return requests.get(f"{self.url}/ping", timeout=10).status_code

    def post(self, body: Any, path: str = "/invocations", **headers: str) -> requests.Response:
        content = body if isinstance(body, (str, bytes)) else json.dumps(body)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.post(f"{self.url}{path}", data=content, headers=headers, timeout=ANSWER_SECONDS)

    def wait(self, seconds: float = ANSWER_SECONDS) -> list[int]:
        """Statuses of /ping until it is 200."""
        seen = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                seen.append(self.ping())
            except requests.ConnectionError:
                seen.append(0)
            if seen[-1] == 200:
                return seen
            time.sleep(0.1)
        raise AssertionError(f"never ready; pings {seen}; log:\n{self.log.read_text()}")

    def wait_until_down(self, seconds: float = 10) -> None:
        """Wait until /ping is 503: the end of a process was noticed."""
        deadline = time.monotonic() + seconds
        while self.ping() == 200:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    @property
    def workers(self) -> list[psutil.Process]:
        """The worker processes, which hold the models."""
        return psutil.Process(self.process.pid).children()


@contextmanager
def running(base: Path, log: Path, **variables: str) -> Iterator[Server]:
    """Run a server with SAGEMAKER_BASE_DIR `base` until the end of the block."""
    server = start(base, log, **variables)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


def start(base: Path, log: Path, **variables: str) -> Server:
    port = free_port()
    temporary = Path(tempfile.mkdtemp(prefix="t"))
    environ = {
        **{name: value for name, value in os.environ.items() if name not in CI_VARIABLES},
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "SAGEMAKER_BASE_DIR": str(base),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SERVING_DTYPE": "float32",
        "TMPDIR": str(temporary),
        **variables,
    }
    command = [sys.executable, "-m", "inference", "serve"]
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environ, text=True, cwd=base)
    return Server(process, f"http://127.0.0.1:{port}", log, temporary)
