"""Servers under test: started, waited for, measured (CPU time, processes) and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

START_SECONDS = 600
MARK = "BENCHMARK_SERVER"


@dataclass(frozen=True)
class Server:
    """A running server: its name, its port, and the mark in its processes' environment."""

    name: str
    port: int
    mark: str

    def cpu_seconds(self) -> float:
        """Processor time of all its processes until now."""
        return sum(map(cpu_seconds, members(self.mark)))


@contextlib.contextmanager
def running(name: str, command: list[str], port: int, folder: Path, environ: Mapping[str, str]) -> Iterator[Server]:
    """A server whose current and temporary folder is `folder`, once it answers; its log is `folder`/log.

    Raises:
        SystemExit: it ended or did not answer; the message shows the end of its log.
    """
    # Short names: sockets lie below TMPDIR, and their paths are limited.
    (folder / "t").mkdir(parents=True)
    own = {"TMPDIR": str(folder / "t"), "SAGEMAKER_BIND_TO_PORT": str(port), MARK: str(folder)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env={**os.environ, **own, **environ})
    try:
        wait_until_answering(process, port, name, folder / "log")
        yield Server(name, port, f"{MARK}={folder}")
    finally:
        for pid in members(f"{MARK}={folder}"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def wait_until_answering(process: subprocess.Popen[bytes], port: int, name: str, log: Path) -> None:
    """Return once an invocation gets its answer: /ping of multi-model-server is 200 before the model is loaded."""
    deadline = time.monotonic() + START_SECONDS
    while not answers(port):
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"{name} does not answer:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.5)


def answers(port: int) -> bool:
    body, headers = b'{"inputs": "Are you there?"}', {"Content-Type": "application/json"}
    try:
        with urlopen(Request(f"http://127.0.0.1:{port}/invocations", body, headers), timeout=30) as answer:
            return bool(answer.status == 200)
    except (HTTPError, URLError, OSError):
        return False


def members(mark: str) -> list[int]:
    """Processes that were started with `mark` in their environment: daemons leave the tree, and their group."""
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if mark in environment(path)]


def environment(path: Path) -> list[str]:
    """The variables in /proc/<pid>/environ; none of a process that is gone or another user's."""
    try:
        return path.read_text(errors="replace").split("\0")
    except OSError:
        return []


def cpu_seconds(pid: int) -> float:
    """Processor time of `pid`, user and system (proc(5), stat); 0 of one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
