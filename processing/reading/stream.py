"""Passes content to DuckDB through a named pipe, written by a thread."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

# The largest size of a pipe that a process without privileges may set on Linux, in bytes; the default is 64 KiB.
PIPE_BYTES = 1024 * 1024


class Stream:
    """A named pipe at `path` that yields `content` once to the reader that opens it; use it as a context manager.

    Attributes:
        error: what `content` raised, after the reader has read all that came before it.
    """

    def __init__(self, path: Path, content: Iterator[bytes]) -> None:
        self.error: Exception | None = None
        self._path, self._content = path, content
        self._stops = threading.Event()
        self._thread = threading.Thread(target=self._write, name="stream", daemon=True)

    def __enter__(self) -> Self:
        self._path.unlink(missing_ok=True)
        os.mkfifo(self._path, 0o600)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the thread, also if nobody opened the pipe or read it to its end."""
        self._stops.set()
        if self._thread.is_alive():
            self._drain()
        self._thread.join()
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        """Write the content; ends early if the reader closes the pipe."""
        descriptor = os.open(self._path, os.O_WRONLY)
        try:
            # Fails if the user's limit is used up: a smaller pipe is only slower.
            with contextlib.suppress(OSError):
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
            for block in self._content:
                view = memoryview(block)
                while view and not self._stops.is_set():
                    view = view[os.write(descriptor, view) :]
                if self._stops.is_set():
                    break
        except BrokenPipeError:
            pass
        except Exception as error:
            self.error = error
        finally:
            os.close(descriptor)

    def _drain(self) -> None:
        """Open and read the pipe, so that the thread neither waits for a reader nor for space."""
        descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            while self._thread.is_alive():
                with contextlib.suppress(BlockingIOError):
                    os.read(descriptor, PIPE_BYTES)
                self._thread.join(0.01)
        finally:
            os.close(descriptor)
