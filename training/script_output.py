"""What a team's own script prints, in whole lines: sagemaker-training prints it in the pieces that it happens to read.

Unbuffered Python, which the containers run, writes "loss = 0.5" as four pieces. Printed one to a line they match no
metric definition, and the toolkit finds no error message in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

# Bytes without a line end that are handed on all the same.
MOST_BYTES = 2**20
LINE_ENDS = (b"\n", b"\r")


class Stream(Protocol):
    """The part of asyncio.StreamReader that the toolkit uses."""

    async def read(self, n: int, /) -> bytes: ...


class WholeLines:
    """A stream of bytes that is read in whole lines, and in full at its end. A progress bar's \\r ends a line too."""

    def __init__(self, stream: Stream) -> None:
        self._stream, self._begun = stream, b""

    async def read(self, size: int, /) -> bytes:
        """One or more lines of the stream, read `size` bytes at a time; empty at its end."""
        while True:
            piece = await self._stream.read(size)
            self._begun += piece
            end = 1 + max(self._begun.rfind(mark) for mark in LINE_ENDS)
            if not piece or (not end and len(self._begun) >= MOST_BYTES):
                end = len(self._begun)
            if end or not piece:
                lines, self._begun = self._begun[:end], self._begun[end:]
                return lines


@contextmanager
def whole_lines() -> Iterator[None]:
    """Have the toolkit print the output of the processes that it starts in whole lines."""
    from sagemaker_training import process

    watch = process.watch

    async def watch_lines(stream: Stream | None, *arguments: Any, **options: Any) -> str:
        return await watch(None if stream is None else WholeLines(stream), *arguments, **options)

    process.watch = watch_lines
    try:
        yield
    finally:
        process.watch = watch
