"""Linux processes: end with the parent, kill a process group, reap orphans, check whether a PID is alive."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
from pathlib import Path

# prctl(2): sets the signal that a process gets when its parent ends.
PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Make the kernel kill this process when its parent ends (PR_SET_PDEATHSIG).

    Multi-model-server cannot replace a worker whose parent has ended, and would not end it when its
    model is unloaded.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether a process with the PID `pid` exists and has not ended; a zombie has ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    # The state is the field after the name, which is in parentheses and may hold spaces (proc(5)).
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")


async def end(leader: subprocess.Popen[bytes]) -> None:
    """Kill the process `leader`, wait for it, then kill the rest of its process group.

    In this order, so that the leader closes its connections to the workers first: the side that closes
    first keeps its port for a minute (TIME_WAIT), and the next server needs the workers' port.
    """
    if leader.poll() is None:
        leader.kill()
        await asyncio.to_thread(os.waitid, os.P_PID, leader.pid, os.WEXITED | os.WNOWAIT)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader.pid, signal.SIGKILL)
    leader.wait()


def reap(keep: int) -> None:
    """Reap ended orphans, which PID 1 inherits, except the PID `keep`, which its Popen reaps."""
    with contextlib.suppress(ChildProcessError):
        while True:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None or ended.si_pid == keep:
                return
            os.waitpid(ended.si_pid, os.WNOHANG)
