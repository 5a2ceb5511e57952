"""Starts inference servers under test, waits until they respond, measures their CPU time and kills their processes."""

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
class Probe:
    """A request that a server answers with status 200 once it is ready: path of the URL, and JSON body."""

    path: str
    body: bytes


INVOCATION = Probe("/invocations", b'{"inputs": "Are you there?"}')


@dataclass(frozen=True)
class Server:
    """A running server: name, port, and the environment variable that marks its processes."""

    name: str
    port: int
    mark: str

    def cpu_seconds(self) -> float:
        """CPU time of all its processes so far."""
        return sum(map(cpu_seconds, members(self.mark)))

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop all its processes within the block, since an idle server takes CPU time too."""
        send(self.mark, signal.SIGSTOP)
        try:
            yield
        finally:
            send(self.mark, signal.SIGCONT)


@contextlib.contextmanager
def running(
    name: str,
    command: list[str],
    port: int,
    folder: Path,
    environ: Mapping[str, str],
    probe: Probe = INVOCATION,
) -> Iterator[Server]:
    """Run a server with the current and temporary folder `folder`, and yield once it responds; its log is `folder`/log.

    Raises:
        SystemExit: it ended or did not respond; the message has the end of its log.
    """
    # Short names, since paths of Unix sockets below TMPDIR are limited in length.
    (folder / "t").mkdir(parents=True)
    own = {"TMPDIR": str(folder / "t"), "SAGEMAKER_BIND_TO_PORT": str(port), MARK: str(folder)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env={**os.environ, **own, **environ})
    try:
        wait_until_responding(process, port, name, folder / "log", probe)
        yield Server(name, port, f"{MARK}={folder}")
    finally:
        send(f"{MARK}={folder}", signal.SIGKILL)
        process.wait()


def send(mark: str, sent: signal.Signals) -> None:
    """Send the signal `sent` to all processes of a server."""
    for pid in members(mark):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sent)


def wait_until_responding(process: subprocess.Popen[bytes], port: int, name: str, log: Path, probe: Probe) -> None:
    """Wait until `probe` succeeds, as multi-model-server's /ping is 200 before the model is loaded."""
    deadline = time.monotonic() + START_SECONDS
    while not responds(port, probe):
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"{name} does not respond:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.5)


def responds(port: int, probe: Probe) -> bool:
    """Whether `probe` gets status 200."""
    headers = {"Content-Type": "application/json"}
    try:
        with urlopen(Request(f"http://127.0.0.1:{port}{probe.path}", probe.body, headers), timeout=30) as response:
            return bool(response.status == 200)
    except (HTTPError, URLError, OSError):
        return False


def members(mark: str) -> list[int]:
    """PIDs of processes with `mark` in their environment, since daemons leave the process tree and the group."""
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if mark in environment(path)]


def environment(path: Path) -> list[str]:
    """The variables in /proc/<pid>/environ; empty for an ended process or one of another user."""
    try:
        return path.read_text(errors="replace").split("\0")
    except OSError:
        return []


def cpu_seconds(pid: int) -> float:
    """CPU time of a process in seconds, user and system (/proc/<pid>/stat, proc(5)); 0 for an ended process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
