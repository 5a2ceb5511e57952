"""Progress by the bytes of the input."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from processing.progress import ReadingProgress, bytes_read


def test_the_line_has_rates_share_and_time_left(caplog: pytest.LogCaptureFixture) -> None:
    read = iter([1_000_000, 11_000_000, 500_000_000])
    now = iter([0.0, 1.0, 5.0, 6.0, 100.0])
    progress = ReadingProgress(logging.getLogger("x"), 40_000_000, clock=lambda: next(now), read=lambda: next(read))
    with caplog.at_level(logging.INFO):
        progress.advance(100)
        progress.advance(900)
        progress.advance(1)
        progress.advance(1)
    assert caplog.messages == [
        "1,000 rows, 200 rows/s, 2.0 MB/s, 25% read, 15 s left",
        "1,002 rows, 10 rows/s, 0.4 MB/s, 100% read, 0 s left",
    ]


def test_reads_of_this_process_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(3_000_000))
    before = bytes_read()
    (tmp_path / "a").read_bytes()
    assert bytes_read() - before >= 3_000_000
