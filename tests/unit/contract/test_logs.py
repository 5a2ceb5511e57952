import logging

import pytest

from contract.failures import UserError
from contract.logs import OneLine, Progress, configured_level


def test_an_event_stays_on_one_line() -> None:
    record = logging.LogRecord("room", logging.INFO, __file__, 1, "a\r50%%\nb", None, None)
    line = OneLine().format(record)
    assert "\n" not in line
    assert "\r" not in line
    assert line.endswith("INFO room: a 50%% | b")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_progress_logs_at_most_every_interval_with_rate_and_time_left(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    progress = Progress(logging.getLogger("room"), "rows", total=1000, interval=5, clock=clock)
    with caplog.at_level(logging.INFO):
        for second in range(1, 11):
            clock.now = float(second)
            progress.advance(50)
    assert [record.getMessage() for record in caplog.records] == [
        "250 rows, 50 rows/s, 25%, 15 s left",
        "500 rows, 50 rows/s, 50%, 10 s left",
    ]


def test_progress_without_a_total_gives_count_and_rate() -> None:
    clock = Clock()
    progress = Progress(logging.getLogger("room"), "rows", clock=clock)
    clock.now = 2.0
    progress.advance(10)
    assert progress.line(clock.now) == "10 rows, 5 rows/s"


@pytest.mark.parametrize(("given", "expected"), [("20", "INFO"), ("10", "DEBUG"), ("warning", "WARNING"), ("", "INFO")])
def test_level_takes_numbers_and_names(given: str, expected: str) -> None:
    assert configured_level({"SAGEMAKER_CONTAINER_LOG_LEVEL": given}) == expected


@pytest.mark.parametrize("given", ["loud", "25"])
def test_an_unknown_level_is_refused(given: str) -> None:
    with pytest.raises(UserError, match=f"SAGEMAKER_CONTAINER_LOG_LEVEL is '{given}', expected INFO, 20"):
        configured_level({"SAGEMAKER_CONTAINER_LOG_LEVEL": given})
