from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from inference import model_store_entry
from inference.envelope import unpack
from inference.options import ServingOptions
from inference.readiness import NO_MEMORY, RUN_FOLDER_VARIABLE, ReadinessBoard
from inference.worker import handler

# A worker as multi-model-server runs it: load, then one batch of two requests.
WORKER = """
import sys
from pathlib import Path
from mms.context import Context, RequestProcessor
from inference.worker import handler
context = Context("model-1", sys.argv[1], None, 2, None, "")
handler.handle(None, context)
print("loaded", flush=True)
context.request_ids = {0: "id-0", 1: "id-1"}
context.request_processor = [RequestProcessor({}), RequestProcessor({})]
bodies = [b'{"inputs": "one"}', b'{"inputs": "slow"}' if "slow" in sys.argv else b"{"]
for answer in handler.handle([{"body": body} for body in bodies], context):
    sys.stdout.buffer.write(answer + b"\\n")
"""
CODE = """
import time
def model_fn(model_dir):
    if %r: raise %s
    return model_dir
def predict_fn(data, model):
    if data["inputs"] == "slow": time.sleep(60)
    return data["inputs"].upper()
"""


def run(tmp_path: Path, *arguments: str, error: str = "", **variables: str) -> subprocess.CompletedProcess[bytes]:
    (tmp_path / "model" / "code").mkdir(parents=True)
    (tmp_path / "model" / "code" / "inference.py").write_text(CODE % (bool(error), error or "None"))
    model_store_entry.write(tmp_path, "model-1", tmp_path / "model")
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4]), RUN_FOLDER_VARIABLE: str(tmp_path)}
    command = [sys.executable, "-c", WORKER, str(tmp_path / "model-1"), *arguments]
    return subprocess.run(command, capture_output=True, env={**environ, **variables}, timeout=60, check=False)


def test_a_worker_loads_announces_it_and_answers(tmp_path: Path) -> None:
    finished = run(tmp_path)
    assert finished.returncode == 0, finished.stderr
    first, second = (unpack(b"\0" + part) for part in finished.stdout.split(b"\0")[1:])
    assert first
    assert second
    assert (first[0], json.loads(first[2])) == (200, "ONE")
    assert (second[0], json.loads(second[2])["error"]["request_id"]) == (400, "id-1")
    board = ReadinessBoard(tmp_path, "model-1")
    assert len(list((board.folder / "ready").iterdir())) == 1
    assert (board.folder / "parent").read_text() == str(os.getpid())


@pytest.mark.parametrize(
    ("error", "status", "expected"),
    [
        ("ValueError('broken')", 1, "ValueError: broken"),
        ("MemoryError()", 1, NO_MEMORY),
        ("__import__('contract.failures').failures.UserError('no labels')", 2, "no labels"),
    ],
)
def test_a_worker_that_cannot_load_records_the_reason_and_exits(
    tmp_path: Path, error: str, status: int, expected: str
) -> None:
    finished = run(tmp_path, error=error)
    assert finished.returncode == status
    board = ReadinessBoard(tmp_path, "model-1")
    assert board.failure() is not None
    assert expected in str(board.failure())
    assert not (board.folder / "ready").exists()


@pytest.mark.parametrize(("use_cpu", "gpu"), [(False, 3), (True, None)])
def test_the_gpu_is_that_of_the_model_server_unless_the_cpu_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use_cpu: bool, gpu: int | None
) -> None:
    checked: list[str] = []
    monkeypatch.setattr(handler, "refuse_unusable_gpu", lambda allowance, _: checked.append(allowance))
    monkeypatch.setattr(handler, "load_classifier", lambda _folder, index, _options: index)
    monkeypatch.setattr(handler, "BatchHandler", lambda model, *_: SimpleNamespace(model=model, warm_up=lambda: None))
    monkeypatch.setattr(model_store_entry, "model_folder", lambda folder: folder)
    context = SimpleNamespace(system_properties={"model_dir": str(tmp_path), "gpu_id": 3})
    loaded: Any = handler.load(context, ServingOptions(use_cpu=use_cpu))
    assert loaded.model == gpu
    assert checked == ([] if use_cpu else ["SERVING_USE_CPU=true"])


def test_a_worker_that_hangs_exits_and_logs_its_stacks(tmp_path: Path) -> None:
    finished = run(tmp_path, "slow", SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS="1")
    assert b"loaded" in finished.stdout
    assert finished.returncode == 1
    assert b"predict_fn" in finished.stderr


def record(error: BaseException | None) -> Any:
    info = (type(error), error, None) if error else None
    return logging.LogRecord("root", logging.ERROR, "", 0, "Backend worker process died.", (), info)


def test_the_traceback_of_an_unload_is_not_logged() -> None:
    assert not handler.is_not_disconnect(record(ValueError("Frontend disconnected")))
    assert handler.is_not_disconnect(record(ValueError("something else")))
    assert handler.is_not_disconnect(record(None))
