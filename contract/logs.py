"""Log format for CloudWatch: one line an event on standard output; levels, and progress with time left."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping

from contract.failures import UserError

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LEVEL_VARIABLE = "SAGEMAKER_CONTAINER_LOG_LEVEL"


class OneLine(logging.Formatter):
    """Keeps each message on its own line; tracebacks keep their lines, as CloudWatch shows them."""

    def __init__(self) -> None:
        super().__init__(FORMAT, datefmt="%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the name that logging calls)
        return super().formatMessage(record).replace("\r", " ").replace("\n", " | ")


def level(text: str) -> str:
    """The level `text`, a name of the logging module or its number (SageMaker gives numbers), as a name.

    Raises:
        UserError: there is no such level.
    """
    value = text.strip()
    name = logging.getLevelName(int(value)) if value.isdigit() else value.upper()
    if name not in logging.getLevelNamesMapping():
        raise UserError(f"{LEVEL_VARIABLE} is {text!r}, expected INFO, 20 and the like")
    return name


def configured_level(environ: Mapping[str, str]) -> str:
    """The level that SAGEMAKER_CONTAINER_LOG_LEVEL sets, else INFO.

    Raises:
        UserError: there is no such level.
    """
    return level(environ.get(LEVEL_VARIABLE) or "INFO")


def configure(level: str = "INFO") -> None:
    """Send the root logger to standard output. Called by entry points, never at import.

    Args:
        level: a name of the logging module.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(OneLine())
    logging.basicConfig(level=level, handlers=[handler], force=True)


class Progress:
    """Says how far a job is, at most every `interval` seconds.

    Args:
        log: where the lines go.
        unit: what is counted, in the plural ("rows").
        total: how many there will be; None where it is not known.
        interval: least number of seconds between two lines.
        clock: seconds, monotonic.
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
        """Count, rate and, with a known total, share and time left."""
        rate = self.done / max(now - self._started, 1e-9)
        text = f"{self.done:,} {self._unit}, {rate:,.0f} {self._unit}/s"
        if self._total is None or not rate:
            return text
        left = max(self._total - self.done, 0) / rate
        return f"{text}, {min(self.done / max(self._total, 1), 1):.0%}, {left:.0f} s left"
