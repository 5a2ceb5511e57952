from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from inference import processes

ROOT = str(Path(__file__).parents[3])
ENVIRON = {**os.environ, "PYTHONPATH": ROOT}
# Starts a process like itself, which tells its number and waits.
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
CHILD = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
BOUND_CHILD = f"from inference.processes import die_with_parent; die_with_parent(); {CHILD}"


def start(child: str) -> tuple[subprocess.Popen[bytes], int]:
    """A parent in a group of its own, and its child's number."""
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


def test_the_whole_group_ends() -> None:
    parent, child = start(CHILD)
    assert processes.is_alive(child)
    asyncio.run(processes.end(parent))
    assert parent.returncode == -9
    assert soon(lambda: not processes.is_alive(child))


def test_the_group_ends_though_its_leader_was_collected_before() -> None:
    parent, child = start(CHILD)
    parent.kill()
    parent.wait()
    assert processes.is_alive(child)
    asyncio.run(processes.end(parent))
    assert soon(lambda: not processes.is_alive(child))


def test_a_bound_process_ends_with_its_parent() -> None:
    parent, child = start(BOUND_CHILD)
    parent.kill()
    parent.wait()
    assert soon(lambda: not processes.is_alive(child))


def test_the_dead_are_collected_but_for_the_one_to_keep() -> None:
    kept, other = (subprocess.Popen(["true"]) for _ in range(2))
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    processes.reap(kept.pid)
    processes.reap(kept.pid)
    assert not processes.is_alive(other.pid)
    assert kept.wait() == 0
    # Its end was seen by `reap`, so its own object finds none: subprocess calls that 0.
    assert other.wait() == 0
