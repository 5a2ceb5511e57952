"""What a team's own script prints, in whole lines: sagemaker-training prints it in the pieces that it happens to read.

Unbuffered Python, which the containers run, writes "loss = 0.5" as four pieces. Printed one to a line they match no
metric definition, and the toolkit finds no error message in them.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Any, Protocol

# Bytes without a line end that are handed on all the same.
MOST_BYTES = 2**20
# Of standard error that are kept for the failure reason: pip's own come before its notices.
MOST_LINES = 20
LINE_ENDS = (b"\n", b"\r")
# Colours and the like (ECMA-48), which belong in no failure reason.
TERMINAL_CODE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Stream(Protocol):
    """The part of asyncio.StreamReader that the toolkit uses."""

    async def read(self, n: int, /) -> bytes: ...


class WholeLines:
    """A stream of bytes that is read in whole lines, and in full at its end. A progress bar's \\r ends a line too.

    Attributes:
        last: the last lines that were read and are not blank.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream, self._begun = stream, b""
        self.last: deque[str] = deque(maxlen=MOST_LINES)

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
                text = TERMINAL_CODE.sub("", lines.decode(errors="replace"))
                self.last.extend(line.strip() for line in text.splitlines() if line.strip())
                return lines


class ScriptOutput:
    """While it is entered, the toolkit prints the output of the processes that it starts in whole lines."""

    def __init__(self) -> None:
        self._streams: list[WholeLines] = []

    @property
    def last_errors(self) -> list[str]:
        """The last lines of the standard error of the process that was started last."""
        # The toolkit watches standard output and standard error of each process, in this order.
        return list(self._streams[-1].last) if self._streams and len(self._streams) % 2 == 0 else []

    def __enter__(self) -> ScriptOutput:
        from sagemaker_training import process

        self._watch = process.watch
        process.watch = self._watch_lines
        return self

    def __exit__(self, *_: object) -> None:
        from sagemaker_training import process

        process.watch = self._watch

    async def _watch_lines(self, stream: Stream, *arguments: Any, **options: Any) -> str:
        self._streams.append(WholeLines(stream))
        return await self._watch(self._streams[-1], *arguments, **options)
