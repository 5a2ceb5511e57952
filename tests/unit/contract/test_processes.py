from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from contract import processes

ROOT = str(Path(__file__).parents[3])
ENVIRON = {**os.environ, "PYTHONPATH": ROOT}
# Starts a child process, which prints its PID and waits.
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
CHILD = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
BOUND_CHILD = f"from contract.processes import end_with_parent; end_with_parent(); {CHILD}"


def start(child: str) -> tuple[subprocess.Popen[bytes], int]:
    """A parent in its own process group, and the PID of its child."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, child], stdout=subprocess.PIPE, env=ENVIRON, start_new_session=True
    )
    assert parent.stdout
    with parent.stdout as output:
        return parent, int(output.readline())


def soon(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_end_with_parent_kills_the_process_with_its_parent() -> None:
    parent, child = start(BOUND_CHILD)
    parent.kill()
    parent.wait()
    assert soon(lambda: not processes.is_alive(child))


def test_ended_children_are_reaped_except_one() -> None:
    kept, other = (subprocess.Popen(["true"]) for _ in range(2))
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    processes.reap({kept.pid})
    processes.reap({kept.pid})
    assert not processes.is_alive(other.pid)
    assert kept.wait() == 0
    # `reap` has collected its exit status, so Popen reports 0.
    assert other.wait() == 0
