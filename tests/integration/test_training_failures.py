"""Two real ranks, one of which fails: its error is the failure reason of the job, and the other one ends too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
LAUNCH = (
    "from contract.hosts import Hosts; from training.distributed import elastic; "
    "elastic.run(2, Hosts(), 0, 5, 'faulty_rank')"
)
SECONDS = 240


def ranks_running() -> set[int]:
    return {
        process.pid for process in psutil.process_iter(["cmdline"]) if "faulty_rank" in (process.info["cmdline"] or [])
    }


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("bug", "ValueError: odd"),
        ("memory", "memory does not suffice ("),
        ("killed", "rank 1 was killed by SIGKILL, which is how a machine out of memory ends a process"),
    ],
)
def test_the_first_cause_is_reported_and_no_rank_is_left(fault: str, cause: str) -> None:
    environ = {
        **os.environ,
        "FAULT": fault,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)]),
    }
    before = ranks_running()
    command = [sys.executable, "-c", LAUNCH]
    finished = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert finished.returncode != 0
    assert f"training.distributed.elastic.RankError: {cause}" in finished.stderr.splitlines()[-1] + "\n"
    assert ranks_running() <= before
