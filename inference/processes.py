"""Linux processes: die with the parent, end a process group, reap orphans, is a pid alive."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
from pathlib import Path

# prctl(2): the signal that a process gets when its parent ends.
PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel end this process when its parent ends.

    A worker whose parent is gone is of no use: multi-model-server can put no other in its place,
    and would leave it running where its model is unloaded.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    # The field after the name in brackets; a zombie has answered its last request.
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")


async def end(leader: subprocess.Popen[bytes]) -> None:
    """End `leader`, then what else is in its process group.

    In this order, so that the leader is the one that closes their connections: whoever closes first
    keeps the port for a minute (TIME_WAIT), and the workers' port is needed by the next server.
    """
    if leader.poll() is None:
        leader.kill()
        await asyncio.to_thread(os.waitid, os.P_PID, leader.pid, os.WEXITED | os.WNOWAIT)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader.pid, signal.SIGKILL)
    leader.wait()


def reap(keep: int) -> None:
    """Collect dead orphans, which PID 1 inherits; `keep` is collected by its own Popen."""
    with contextlib.suppress(ChildProcessError):
        while True:
            dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if dead is None or dead.si_pid == keep:
                return
            os.waitpid(dead.si_pid, os.WNOHANG)
