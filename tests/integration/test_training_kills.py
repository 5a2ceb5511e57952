"""Ten kills of a training of a pretrained model at random moments do not change the result."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from training_base import make_job, pretrain

from robustness import resume

pytestmark = pytest.mark.integration


def test_a_training_killed_ten_times_ends_bit_identically(tmp_path: Path) -> None:
    job = make_job(tmp_path / "prepared", rows=480)
    pretrain(job.paths.channel("model"))
    asked = {"processes_per_host": 1, "bf16": False}
    tally = resume.run(tmp_path, job.paths.base / "input", resume.SMALL, 10, asked, random.Random(0))
    assert tally.kills == 10
    assert 0 < tally.resumed == tally.resumable
    assert not tally.differing
