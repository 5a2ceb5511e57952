from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from contract.failures import UserError
from inference.options import ServingOptions
from inference.readiness import NO_MEMORY, ReadinessBoard
from inference.server.mms_process import RunFolder, ServerLostError
from inference.server.served_model import NoMemoryError, ServedModel

NO_SESSION: Any = None


@pytest.fixture
def served_model(tmp_path: Path) -> ServedModel:
    return ServedModel(Path("/model"), ServingOptions(startup_timeout=5), RunFolder(tmp_path), NO_SESSION, 1)


@pytest.fixture
def board(tmp_path: Path, served_model: ServedModel) -> ReadinessBoard:
    return ReadinessBoard(tmp_path, served_model.key)


def ready(board: ReadinessBoard, pid: int, parent: int) -> None:
    """Write the readiness files of a worker with the PID `pid`."""
    (board.folder / "ready").mkdir(parents=True, exist_ok=True)
    (board.folder / "ready" / str(pid)).touch()
    (board.folder / "parent").write_text(str(parent))


def dead() -> int:
    """The PID of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_the_proxy_is_open_while_a_worker_is_ready(served_model: ServedModel, board: ReadinessBoard) -> None:
    ready(board, os.getpid(), os.getppid())
    served_model.follow()
    assert served_model.proxy.is_open
    (board.folder / "ready" / str(os.getpid())).unlink()
    served_model.follow()
    assert not served_model.proxy.is_open
    ready(board, os.getpid(), os.getppid())
    served_model.follow()
    assert served_model.proxy.is_open


def test_a_new_worker_that_cannot_load_is_an_error(served_model: ServedModel, board: ReadinessBoard) -> None:
    ready(board, os.getpid(), os.getppid())
    served_model.follow()
    ready(board, dead(), os.getppid())
    board.announce_failure("no weights")
    # One worker is still alive.
    served_model.follow()
    (board.folder / "ready" / str(os.getpid())).unlink()
    with pytest.raises(UserError, match="the model cannot be served: no weights"):
        served_model.follow()


def test_too_little_memory_is_a_no_memory_error(served_model: ServedModel, board: ReadinessBoard) -> None:
    ready(board, dead(), os.getppid())
    board.announce_failure(NO_MEMORY)
    with pytest.raises(NoMemoryError):
        served_model.follow()


def test_the_end_of_the_process_that_starts_workers_needs_a_restart(
    served_model: ServedModel, board: ReadinessBoard
) -> None:
    ready(board, dead(), dead())
    with pytest.raises(ServerLostError, match="the process that starts workers has ended"):
        served_model.follow()


def test_waiting_for_a_new_worker_has_a_limit(
    tmp_path: Path, served_model: ServedModel, board: ReadinessBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready(board, os.getpid(), os.getppid())
    served_model.follow()
    (board.folder / "ready" / str(os.getpid())).unlink()
    served_model.follow()
    clock = time.monotonic() + 6
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    with pytest.raises(UserError, match="not loaded within 5 s; SAGEMAKER_STARTUP_TIMEOUT"):
        served_model.follow()
