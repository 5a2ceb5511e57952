"""Progress log of reading the input: rows, bytes, their rates, and the time left, estimated from bytes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from contract.logs import Progress

IO = Path("/proc/self/io")


def bytes_read() -> int:
    """Bytes that this process has read so far (rchar in /proc/self/io, proc(5)); 0 if that cannot be read."""
    try:
        return int(IO.read_text().split("rchar:")[1].split()[0])
    except (OSError, IndexError, ValueError):
        return 0


class ReadingProgress(Progress):
    """Logs the progress of reading, at most every `interval` seconds.

    Args:
        total_bytes: bytes to read: size of all files, times the number of passes.
        read: function that returns the bytes read so far.
    """

    def __init__(
        self,
        log: logging.Logger,
        total_bytes: int,
        interval: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        read: Callable[[], int] = bytes_read,
    ) -> None:
        super().__init__(log, "rows", interval=interval, clock=clock)
        self._read, self._total_bytes = read, total_bytes
        self._first = read()

    def line(self, now: float) -> str:
        """The progress line: rows and their rate, MB/s (of compressed files as stored), share and time left."""
        seconds = max(now - self._started, 1e-9)
        done = min(self._read() - self._first, self._total_bytes)
        if not done:
            return super().line(now)
        left = seconds * (self._total_bytes - done) / done
        share = done / self._total_bytes
        return f"{super().line(now)}, {done / 1e6 / seconds:,.1f} MB/s, {share:.0%} read, {left:.0f} s left"
