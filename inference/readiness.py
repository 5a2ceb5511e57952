"""How workers tell the server that they are ready, or why they never will be.

A worker is a process that multi-model-server starts. It cannot talk to `serve` except by files
in the run folder: `ready/<pid>` while it holds a warm model, `failure` when the model cannot
load. So readiness is what a worker says of itself, not what the frontend believes.
"""

from __future__ import annotations

import os
from pathlib import Path

from contract.failures import write_reason
from contract.files import write_text

RUN_FOLDER_VARIABLE = "SERVING_RUN_FOLDER"
FAILURE_FILE = "failure"
READY_FOLDER = "ready"


def announce_ready(run_folder: Path) -> None:
    """Say that this process holds a warm model."""
    write_text(run_folder / READY_FOLDER / str(os.getpid()), "")


def announce_failure(run_folder: Path, text: str) -> None:
    """Say why the model cannot load."""
    write_reason(run_folder / FAILURE_FILE, text)


def failure(run_folder: Path) -> str | None:
    """Why the model cannot load, if a worker said so."""
    path = run_folder / FAILURE_FILE
    return path.read_text(encoding="utf-8") if path.exists() else None


def ready_workers(run_folder: Path) -> list[int]:
    """Process ids of the living workers that hold a warm model; dead ones are forgotten."""
    living = []
    for path in sorted((run_folder / READY_FOLDER).glob("[0-9]*")):
        if _alive(int(path.name)):
            living.append(int(path.name))
        else:
            path.unlink(missing_ok=True)
    return living


def _alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    # The field after the name in brackets; a zombie has answered its last request.
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")
