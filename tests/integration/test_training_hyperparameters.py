"""Jobs with invalid hyperparameters: each trains, or ends with one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from training_run import ROOT

pytestmark = pytest.mark.integration

NAMES = (
    *("max_steps", "gradient_accumulation_steps", "save_strategy", "dataloader_num_workers", "text_column"),
    *("validation_fraction", "warmup_steps", "lr_scheduler_kwargs", "neftune_noise_alpha", "master_port"),
)


def test_no_job_ends_in_a_traceback_or_shows_its_data(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "robustness.fuzz_hyperparameters", "--output", str(tmp_path), "--values", "3"]
    ran = subprocess.run([*command, "--names", *NAMES], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    ended = [json.loads(line) for line in (tmp_path / "fuzz.jsonl").read_text().splitlines()]
    assert len(ended) == 3 * len(NAMES)
    assert {each["outcome"] for each in ended} == {"trained", "refused"}
