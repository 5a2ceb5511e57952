"""Logging for CloudWatch: one line per event on standard output; log levels; Progress lines with the time left."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping

from contract.failures import UserError

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LEVEL_VARIABLE = "SAGEMAKER_CONTAINER_LOG_LEVEL"


class OneLine(logging.Formatter):
    """Formatter that replaces line breaks within a message; tracebacks keep theirs."""

    def __init__(self) -> None:
        super().__init__(FORMAT, datefmt="%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the name that logging calls)
        return super().formatMessage(record).replace("\r", " ").replace("\n", " | ")


def level(text: str) -> str:
    """The log level `text`, a name or a number (the SageMaker SDK passes numbers), as a name of the logging module.

    Raises:
        UserError: the level does not exist.
    """
    value = text.strip()
    name = logging.getLevelName(int(value)) if value.isdigit() else value.upper()
    if name not in logging.getLevelNamesMapping():
        raise UserError(f"{LEVEL_VARIABLE} is {text!r}, expected INFO, 20 and the like")
    return name


def configured_level(environ: Mapping[str, str]) -> str:
    """The log level of SAGEMAKER_CONTAINER_LOG_LEVEL; INFO if it is not set.

    Raises:
        UserError: the level does not exist.
    """
    return level(environ.get(LEVEL_VARIABLE) or "INFO")


def configure(level: str = "INFO") -> None:
    """Configure the root logger to write to standard output. Called by entry points, never at import.

    Args:
        level: a name of the logging module.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(OneLine())
    logging.basicConfig(level=level, handlers=[handler], force=True)


class Progress:
    """Logs the progress of a job, at most every `interval` seconds.

    Args:
        log: logger for the lines.
        unit: name of the counted items, in the plural ("rows").
        total: number of items in all; None if it is not known.
        interval: least seconds between two lines.
        clock: function that returns monotonic seconds.
    """

    def __init__(
        self,
        log: logging.Logger,
        unit: str,
        total: int | None = None,
        interval: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log, self._unit, self._total = log, unit, total
        self._interval, self._clock = interval, clock
        self._started = self._last = clock()
        self.done = 0

    def advance(self, count: int) -> None:
        """Add `count`; log a line if the last one is `interval` seconds old."""
        self.done += count
        now = self._clock()
        if now - self._last >= self._interval:
            self._last = now
            self._log.info("%s", self.line(now))

    def line(self, now: float) -> str:
        """The progress line at the time `now`: count and rate, and with a known total the share and the time left."""
        rate = self.done / max(now - self._started, 1e-9)
        text = f"{self.done:,} {self._unit}, {rate:,.0f} {self._unit}/s"
        if self._total is None or not rate:
            return text
        left = max(self._total - self.done, 0) / rate
        return f"{text}, {min(self.done / max(self._total, 1), 1):.0%}, {left:.0f} s left"
