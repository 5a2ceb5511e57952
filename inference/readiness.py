"""ReadinessBoard: files by which workers report to the server that they are ready, or why the model cannot load.

Multi-model-server starts the workers, so `serve` has no connection to them. A worker writes files
into the run folder, below the key of its model: `ready/<pid>` once its model is loaded and warmed up,
`parent` with the PID of the process that starts the workers, and `failure` if the model cannot load.
So readiness comes from the worker itself; multi-model-server answers its own /ping with 200 before
the model is loaded.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from contract.failures import write_reason
from contract.files import write_text
from inference.processes import is_alive

RUN_FOLDER_VARIABLE = "SERVING_RUN_FOLDER"
# First words of a failure that is caused by too little memory.
NO_MEMORY = "no memory for the model"


@dataclass(frozen=True)
class ReadinessBoard:
    """The readiness files of one model's workers.

    Args:
        run_folder: the server's run folder.
        key: the model's name at multi-model-server.
    """

    run_folder: Path
    key: str

    @property
    def folder(self) -> Path:
        """Folder of the readiness files."""
        return self.run_folder / "workers" / self.key

    def announce_ready(self) -> None:
        """Called by a worker: record that its model is loaded and warmed up."""
        write_text(self.folder / "parent", str(os.getppid()))
        write_text(self.folder / "ready" / str(os.getpid()), "")

    def announce_failure(self, text: str) -> None:
        """Called by a worker: record why the model cannot load."""
        write_reason(self.folder / "failure", text)

    def failure(self) -> str | None:
        """Why the model cannot load, or None if no worker has recorded a failure."""
        path = self.folder / "failure"
        return path.read_text(encoding="utf-8") if path.exists() else None

    def ready_workers(self) -> list[int]:
        """PIDs of the live workers whose model is loaded and warmed up; files of ended workers are deleted."""
        alive = []
        for path in sorted((self.folder / "ready").glob("[0-9]*")):
            if is_alive(int(path.name)):
                alive.append(int(path.name))
            else:
                path.unlink(missing_ok=True)
        return alive

    def can_replace(self) -> bool:
        """Whether the process that starts this model's workers is alive; True while no worker has recorded it."""
        path = self.folder / "parent"
        return not path.exists() or is_alive(int(path.read_text(encoding="ascii")))
