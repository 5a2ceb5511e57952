"""Finds the layouts of the next files while others are read: in a thread, or of many files in a process of its own.

A thread competes with those that tokenize for Python's global interpreter lock (GIL): for each file it is released and
taken again several times. A process does not, but takes a quarter of a second to start.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Self

from contract.processes import start_connected
from processing import memory
from processing.reading.alike_files import find_layouts
from processing.reading.layout import forget_layouts, keep, kept
from processing.reading.source import SourceFile

# Fewer files take less time than the process takes to start.
LEAST_FILES = 2000
# What a connection raises when the other process has ended: before, or within, what it sends.
ENDED = (EOFError, OSError)

log = logging.getLogger(__name__)


class LayoutsAhead:
    """Finds layouts beside other work: `start` with some files, then `wait`; use it as a context manager.

    Args:
        files: all input files, by whose number it takes a process or not.
        background: the thread that finds them, or waits for the process.
    """

    def __init__(self, files: Sequence[SourceFile], background: ThreadPoolExecutor) -> None:
        self._background = background
        self._process = started() if sum(not file.is_typed for file in files) >= LEAST_FILES else None
        self._found: Future[None] | None = None
        self._is_ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the process, also while it looks for layouts."""
        self._is_ended = True
        process = self._process
        if process is not None:
            process.end()
        self.wait()
        if process is not None:
            process.close()

    def start(self, files: Iterable[SourceFile]) -> None:
        """Start to find and keep the layouts of those of `files` whose layouts are not kept; `wait` completes it."""
        unknown = [file for file in files if kept(file) is None]
        self._found = self._background.submit(self._find, unknown) if unknown else None

    def wait(self) -> None:
        """Wait until the layouts of the last files are kept."""
        if self._found is not None:
            self._found.result()

    def _find(self, files: Sequence[SourceFile]) -> None:
        if self._process is not None:
            if self._process.find(files) or self._is_ended:
                return
            log.warning("the process that finds layouts of files has ended early: a thread finds them")
            self._process.end()
            self._process.close()
            self._process = None
        find_layouts(files)


class LayoutProcess:
    """A process that gets lists of files, and answers with their layouts.

    Attributes:
        process: as the subprocess module has it.
    """

    def __init__(self) -> None:
        # Ctrl+C ends this process, and with it the connection.
        self.process, own = start_connected(__name__, start_new_session=True)
        # It pickles what it sends: both processes are this program.
        self._connection = Connection(own.detach())

    def find(self, files: Sequence[SourceFile]) -> bool:
        """Keep the layouts of `files`; returns whether the process has found them, rather than ended."""
        try:
            self._connection.send(files)
            found = self._connection.recv()
        except ENDED:
            return False
        for file, layout in zip(files, found, strict=True):
            if layout is not None:
                keep(file, layout)
        return True

    def end(self) -> None:
        """End the process, upon which `find` returns."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Close the connection, upon which the process ends by itself once it has answered."""
        self._connection.close()


def started() -> LayoutProcess | None:
    """A process, or None, with a warning, where the system starts none."""
    try:
        return LayoutProcess()
    except OSError as error:
        log.warning("no process can be started that finds layouts of files (%s): a thread finds them", error.strerror)
        return None


def answer(connection: Connection) -> None:
    """Answer each list of files with their layouts, or None for those that have none, until `connection` is closed."""
    with suppress(*ENDED):
        while True:
            files = connection.recv()
            find_layouts(files)
            connection.send([kept(file) for file in files])
            forget_layouts()


def main() -> None:
    """Entry point of the process; its argument is the file descriptor of the socket."""
    # Layouts stay until they are sent, and refer to no other objects in circles.
    gc.disable()
    memory.keep_freed_memory()
    answer(Connection(int(sys.argv[1])))


if __name__ == "__main__":
    main()
