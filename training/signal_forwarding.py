"""SIGTERM for a team's own script: the toolkit's `train` starts the script's processes, and passes no signal on."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

import psutil

SHELLS = ("sh", "bash", "dash", "ash", "ksh", "zsh")
# Seconds between two looks at the processes, once a SIGTERM came.
INTERVAL = 0.05


class SignalForwarder:
    """While it is entered, every SIGTERM reaches the script's processes, those too that start a moment later.

    Launchers such as torchrun and mpirun pass the signal on to their ranks. Shells do not: a shell that waits for
    a command ends, and the command goes on. So the commands of a shell get the signal as well. The processes of a
    Python program do not: they belong to the program, whose data loaders must outlive its last checkpoint.

    Attributes:
        requested: whether a SIGTERM came.
    """

    def __init__(self) -> None:
        self.requested = False
        self._told: set[psutil.Process] = set()
        self._wake, self._ended = threading.Event(), False
        self._thread = threading.Thread(target=self._forward, name="sigterm", daemon=True)

    def __enter__(self) -> SignalForwarder:
        self._before = signal.signal(signal.SIGTERM, self._on_signal)
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGTERM, self._before)
        self._ended = True
        self._wake.set()
        self._thread.join()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True
        self._told.clear()
        self._wake.set()

    def _forward(self) -> None:
        """Wait for a SIGTERM; from then on tell each process that this one has, or starts, once."""
        self._wake.wait()
        pause = threading.Event()
        while not self._ended:
            for child in psutil.Process().children():
                if child not in self._told:
                    self._tell(child)
            pause.wait(INTERVAL)

    def _tell(self, child: psutil.Process) -> None:
        for process in with_commands(child):
            self._told.add(process)
            try:
                process.terminate()
            except psutil.Error:
                continue


def with_commands(process: psutil.Process) -> list[psutil.Process]:
    """`process`; where it is a shell, the commands that it runs as well, and theirs where they are shells."""
    try:
        commands = process.children() if is_shell(process) else []
    except psutil.NoSuchProcess:
        return []
    return [process, *(found for command in commands for found in with_commands(command))]


def is_shell(process: psutil.Process) -> bool:
    """Whether a shell runs in `process`: by its program file, as a shell that runs a file has that file's name."""
    try:
        program = process.exe()
    except psutil.Error:
        return False
    return program.rpartition("/")[2] in SHELLS
