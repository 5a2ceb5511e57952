"""Files by which workers tell the server that they are ready, or why the model cannot load (Noticeboard).

A worker is a process that multi-model-server starts. It cannot talk to `serve` except by files
in the run folder, below the name that its model has there: `ready/<pid>` while it holds a warm
model, `parent` with the process that starts its like, `failure` when the model cannot load. So
readiness is what a worker says of itself, not what the frontend believes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from contract.failures import write_reason
from contract.files import write_text
from inference.processes import is_alive

RUN_FOLDER_VARIABLE = "SERVING_RUN_FOLDER"
# How a failure begins that more memory would have avoided.
NO_MEMORY = "no memory for the model"


@dataclass(frozen=True)
class ReadinessBoard:
    """The files of one model's workers.

    Args:
        run_folder: the server's.
        key: the model's name there.
    """

    run_folder: Path
    key: str

    @property
    def folder(self) -> Path:
        return self.run_folder / "workers" / self.key

    def announce_ready(self) -> None:
        """Say that this process holds a warm model."""
        write_text(self.folder / "parent", str(os.getppid()))
        write_text(self.folder / "ready" / str(os.getpid()), "")

    def announce_failure(self, text: str) -> None:
        """Say why the model cannot load."""
        write_reason(self.folder / "failure", text)

    def failure(self) -> str | None:
        """Why the model cannot load, if a worker said so."""
        path = self.folder / "failure"
        return path.read_text(encoding="utf-8") if path.exists() else None

    def ready_workers(self) -> list[int]:
        """Process ids of the living workers that hold a warm model; dead ones are forgotten."""
        living = []
        for path in sorted((self.folder / "ready").glob("[0-9]*")):
            if is_alive(int(path.name)):
                living.append(int(path.name))
            else:
                path.unlink(missing_ok=True)
        return living

    def can_replace(self) -> bool:
        """Whether the process that starts this model's workers lives, as far as a worker has named it."""
        path = self.folder / "parent"
        return not path.exists() or is_alive(int(path.read_text(encoding="ascii")))
