from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from inference import readiness

ANNOUNCE = """
import sys
from pathlib import Path
from inference.readiness import announce_ready
announce_ready(Path(sys.argv[1]))
print("announced", flush=True)
sys.stdin.read()
"""


def test_a_worker_counts_until_it_dies(tmp_path: Path) -> None:
    assert readiness.ready_workers(tmp_path) == []
    command = [sys.executable, "-c", ANNOUNCE, str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"announced\n"
        assert readiness.ready_workers(tmp_path) == [worker.pid]
        worker.kill()
        # Dead, though nobody has collected it yet.
        os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
        assert readiness.ready_workers(tmp_path) == []
    assert list((tmp_path / readiness.READY_FOLDER).iterdir()) == []


def test_a_failure_is_handed_over(tmp_path: Path) -> None:
    assert readiness.failure(tmp_path) is None
    readiness.announce_failure(tmp_path, "no weights")
    assert readiness.failure(tmp_path) == "no weights"
