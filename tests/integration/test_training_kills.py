"""Ten kills at random moments do not change a bit of the result."""

import random
from pathlib import Path

import pytest
from training_base import make_job

from benchmarks import resume

pytestmark = pytest.mark.integration


def test_a_training_killed_ten_times_ends_with_the_same_bits(tmp_path: Path) -> None:
    job = make_job(tmp_path / "prepared", rows=480)
    tally = resume.run(tmp_path, job.paths.base / "input", 10, 1, random.Random(0))
    assert tally.kills == 10
    assert not tally.differing
