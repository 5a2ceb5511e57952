from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from inference.readiness import ReadinessBoard

ANNOUNCE = """
import sys
from pathlib import Path
from inference.readiness import ReadinessBoard
ReadinessBoard(Path(sys.argv[1]), "model").announce_ready()
print("announced", flush=True)
sys.stdin.read()
"""
# Starts a worker and does not wait for it.
STARTER = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
ENVIRON = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}


def test_a_worker_is_ready_until_it_ends(tmp_path: Path) -> None:
    board = ReadinessBoard(tmp_path, "model")
    assert board.ready_workers() == []
    command = [sys.executable, "-c", ANNOUNCE, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRON) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"announced\n"
        assert board.ready_workers() == [worker.pid]
        worker.kill()
        # It has ended, but is still a zombie.
        os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
        assert board.ready_workers() == []
    assert list((board.folder / "ready").iterdir()) == []
    assert ReadinessBoard(tmp_path, "other").ready_workers() == []


def test_workers_can_be_replaced_while_the_process_that_starts_them_lives(tmp_path: Path) -> None:
    board = ReadinessBoard(tmp_path, "model")
    assert board.can_replace()
    starter = subprocess.Popen([sys.executable, "-c", STARTER, ANNOUNCE, str(tmp_path)], env=ENVIRON)
    while not board.ready_workers():
        assert starter.poll() is None
        time.sleep(0.01)
    assert board.can_replace()
    starter.kill()
    starter.wait()
    assert not board.can_replace()


def test_a_recorded_failure_is_read(tmp_path: Path) -> None:
    board = ReadinessBoard(tmp_path, "model")
    assert board.failure() is None
    board.announce_failure("no weights")
    assert board.failure() == "no weights"
