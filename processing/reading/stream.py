"""Passes content to DuckDB through a named pipe, written by a thread."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Self

from contract.failures import UserError
from processing.reading.decompression import read_up_to

# The largest size of a pipe that a process without privileges may set on Linux, in bytes; the default is 64 KiB.
PIPE_BYTES = 1024 * 1024


# Largest block that is joined with others.
SMALL_BYTES = 64 * 1024
# A file system, or the kernel, may be unable to pass a file to a pipe.
NOT_SUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


@dataclass(frozen=True)
class FilePart:
    """The bytes `start` to `end` of the file at `path`, which the kernel passes without a copy.

    Attributes:
        name: for errors.
    """

    path: Path
    name: str
    start: int
    end: int

    def __len__(self) -> int:
        """Number of bytes."""
        return self.end - self.start

    def opened(self) -> BinaryIO:
        """The file; raises UserError if it cannot be opened any more."""
        try:
            return self.path.open("rb", buffering=0)
        except OSError as error:
            raise UserError(f"input file {self.name} cannot be read: {error.strerror}") from None

    def content(self) -> bytes:
        """The bytes; raises UserError as `opened`, and if the file is shorter now."""
        with self.opened() as file:
            file.seek(self.start)
            content = read_up_to(file, len(self))
        if len(content) < len(self):
            raise self.shorter()
        return content

    def shorter(self) -> UserError:
        """The error for a file that has lost its end."""
        return UserError(f"input file {self.name} became shorter while it was read")


class Stream:
    """A named pipe at `path` that yields `content` once to the reader that opens it; use it as a context manager.

    Attributes:
        error: what `content` raised, after the reader has read all that came before it.
    """

    def __init__(self, path: Path, content: Iterator[bytes | FilePart]) -> None:
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
            for block in self._joined():
                if isinstance(block, FilePart):
                    self._send(descriptor, block)
                else:
                    self._write_block(descriptor, block)
                if self._stops.is_set():
                    break
        except BrokenPipeError:
            pass
        except Exception as error:
            self.error = error
        finally:
            os.close(descriptor)

    def _joined(self) -> Iterator[bytes | bytearray | FilePart]:
        """The content with its small blocks and parts of files joined: the reader wakes up for each that is written."""
        joined = bytearray()
        try:
            for block in self._content:
                if len(block) > SMALL_BYTES:
                    yield joined
                    yield block
                    joined = bytearray()
                    continue
                joined += block.content() if isinstance(block, FilePart) else block
                if len(joined) > SMALL_BYTES:
                    yield joined
                    joined = bytearray()
        except Exception:
            # The reader gets all that came before.
            yield joined
            raise
        yield joined

    def _write_block(self, descriptor: int, block: bytes | bytearray) -> None:
        view = memoryview(block)
        while view and not self._stops.is_set():
            view = view[os.write(descriptor, view) :]

    def _send(self, descriptor: int, part: FilePart) -> None:
        """Pass a part of a file; raises UserError as its `content`."""
        position = part.start
        with part.opened() as file:
            while position < part.end and not self._stops.is_set():
                try:
                    size = os.sendfile(descriptor, file.fileno(), position, part.end - position)
                except OSError as error:
                    if error.errno not in NOT_SUPPORTED:
                        raise
                    self._write_block(descriptor, replace(part, start=position).content())
                    return
                if size == 0:
                    raise part.shorter()
                position += size

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
