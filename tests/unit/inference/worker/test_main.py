from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from unit.inference.code_model import environment, write_code_model

from inference.messages import Decoder, Message


@pytest.mark.parametrize("text", ["one", "hang"])
def test_a_worker_process_ends_with_its_socket_or_after_its_timeout(tmp_path: Path, text: str) -> None:
    ours, its = socket.socketpair()
    command = [sys.executable, "-m", "inference.worker", str(its.fileno()), str(write_code_model(tmp_path)), "0"]
    environ = environment(SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS="1")
    with (
        ours,
        subprocess.Popen(command, env=environ, pass_fds=[its.fileno()], stderr=subprocess.PIPE) as process,
    ):
        its.close()
        (ready,) = Decoder().feed(ours.recv(1 << 16))
        assert ready.fields == {"ready": True}
        ours.sendall(Message(7, {"id": "id-7", "headers": {}}, json.dumps({"inputs": text}).encode()).encoded())
        answered = list(Decoder().feed(ours.recv(1 << 16)))
        ours.close()
        _, errors = process.communicate(timeout=60)
    if text == "hang":
        # It ends by itself, and its log has the stack where it hung.
        assert (answered, process.returncode) == ([], 1)
        assert b"in predict_fn" in errors
    else:
        assert (answered[0].number, answered[0].body, process.returncode) == (7, b'"ONE"', 0)
