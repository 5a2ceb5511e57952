"""Counts of kills and resumes."""

from __future__ import annotations

import pytest

from robustness.resume import Tally, parse

RESUMED = "INFO training.trainer: resuming from checkpoint-4\n"
STEP = "INFO training.metrics: step = 5\n"


@pytest.mark.parametrize(
    ("had_checkpoint", "log", "resumable", "resumed"),
    [
        pytest.param(True, RESUMED + STEP, 1, 1, id="resumed"),
        pytest.param(True, STEP, 1, 0, id="began anew beside a checkpoint"),
        pytest.param(True, "starting\n", 0, 0, id="killed before it said anything"),
        pytest.param(False, STEP, 0, 0, id="had nothing to resume from"),
    ],
)
def test_only_a_start_that_found_a_checkpoint_and_trained_counts_as_resumable(
    had_checkpoint: bool, log: str, resumable: int, resumed: int
) -> None:
    tally = Tally()
    tally.note_start(had_checkpoint, log)
    assert (tally.resumable, tally.resumed) == (resumable, resumed)


def test_the_tally_counts_kills_and_identical_results() -> None:
    tally = Tally(resumable=7, resumed=6, trainings=2, differing=["training 2: weights"])
    tally.note_kill(early=True, saving=False)
    tally.note_kill(early=False, saving=True)
    assert str(tally) == (
        "2 kills, 1 of them before the first step and 1 during a save; 6 of 7 starts that found a checkpoint "
        "resumed from it; 2 trainings, 1 with identical weights, metrics and history"
    )


def test_the_published_case_is_the_default() -> None:
    given = parse([])
    assert (given.model, given.kills, given.processes, given.bf16) == (None, 100, 1, False)
