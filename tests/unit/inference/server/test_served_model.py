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
    """What the worker `pid` would leave."""
    (board.folder / "ready").mkdir(parents=True, exist_ok=True)
    (board.folder / "ready" / str(pid)).touch()
    (board.folder / "parent").write_text(str(parent))


def dead() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_the_gate_follows_the_workers(served_model: ServedModel, board: ReadinessBoard) -> None:
    ready(board, os.getpid(), os.getppid())
    served_model.follow()
    assert served_model.proxy.is_open
    (board.folder / "ready" / str(os.getpid())).unlink()
    served_model.follow()
    assert not served_model.proxy.is_open
    ready(board, os.getpid(), os.getppid())
    served_model.follow()
    assert served_model.proxy.is_open


def test_a_model_that_does_not_load_again_is_given_up(served_model: ServedModel, board: ReadinessBoard) -> None:
    ready(board, os.getpid(), os.getppid())
    served_model.follow()
    ready(board, dead(), os.getppid())
    board.announce_failure("no weights")
    # One worker still lives.
    served_model.follow()
    (board.folder / "ready" / str(os.getpid())).unlink()
    with pytest.raises(UserError, match="the model cannot be served: no weights"):
        served_model.follow()


def test_want_of_memory_is_told_apart(served_model: ServedModel, board: ReadinessBoard) -> None:
    ready(board, dead(), os.getppid())
    board.announce_failure(NO_MEMORY)
    with pytest.raises(NoMemoryError):
        served_model.follow()


def test_without_the_process_that_starts_workers_the_server_is_lost(
    served_model: ServedModel, board: ReadinessBoard
) -> None:
    ready(board, dead(), dead())
    with pytest.raises(ServerLostError, match="the process that starts workers died"):
        served_model.follow()


def test_a_worker_that_never_comes_back_is_not_waited_for_forever(
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
