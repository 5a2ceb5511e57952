from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from unit.inference.code_model import environment, write_code_model

from inference.messages import Decoder, Message

# As a stock multi-model-server calls it: load, then one batch of two requests.
STOCK = """
import json, sys
from mms.context import Context, RequestProcessor
from inference.worker import handler
context = Context("model", sys.argv[1], None, 2, None, "")
handler.handle(None, context)
context.request_ids = {0: "id-0", 1: "id-1"}
context.request_processor = [RequestProcessor({}), RequestProcessor({})]
bodies = handler.handle([{"body": b'{"inputs": "one"}'}, {"body": b"{"}], context)
for index, body in enumerate(bodies):
    status, kind = context.get_response_status(index)[0], context.get_response_content_type(index)
    print(json.dumps([status, kind, json.loads(body)]))
"""


def test_a_stock_multi_model_server_can_call_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STOCK, str(write_code_model(tmp_path))]
    done = subprocess.run(command, capture_output=True, env=environment(), timeout=60, check=True, text=True)
    first, second = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))
    assert first == [200, "application/json", "ONE"]
    assert second[0] == 400
    assert second[2]["error"]["request_id"] == "id-1"


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
