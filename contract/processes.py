"""Linux processes: start one on a socket, end with the parent, reap orphans, check whether a PID is alive."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

# prctl(2): sets the signal that a process gets when its parent ends.
PR_SET_PDEATHSIG = 1


def end_with_parent(_worker: int = 0) -> None:
    """Make the kernel kill this process when its parent ends (PR_SET_PDEATHSIG).

    It has the signature of a DataLoader's worker_init_fn too, whose argument is of no interest.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start_connected(module: str, **settings: Any) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a module of an image's package or of this one, which gets the file descriptor of a socket as its argument.

    Args:
        settings: further arguments of subprocess.Popen.

    Returns:
        The process, and the other end of the socket.

    Raises:
        OSError: the system cannot start it.
    """
    own, its = socket.socketpair()
    with own, its:
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(its.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=[its.fileno()],
            # Where Python finds these packages.
            cwd=Path(__file__).resolve().parents[1],
            **settings,
        )
        return process, socket.socket(fileno=own.detach())


def is_alive(pid: int) -> bool:
    """Whether a process with the PID `pid` exists and has not ended; a zombie has ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    # The state is the field after the name, which is in parentheses and may hold spaces (proc(5)).
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")


def reap(keep: Collection[int]) -> None:
    """Reap ended orphans, which PID 1 inherits, except the PIDs `keep`, which their Popen objects reap."""
    with contextlib.suppress(ChildProcessError):
        while True:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None or ended.si_pid in keep:
                return
            os.waitpid(ended.si_pid, os.WNOHANG)
