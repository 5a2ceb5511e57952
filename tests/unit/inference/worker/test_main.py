from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from mms.context import Context
from unit.inference.code_model import environment, write_code_model

from inference.messages import Decoder, Message
from inference.options import ServingOptions
from inference.worker.__main__ import answer
from inference.worker.batch_handler import BatchHandler
from inference.worker.batch_request import BatchRequest
from inference.worker.inbox import Inbox


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


class Handler:
    """A BatchHandler that answers with the number of requests of the batch, and takes two in the next one."""

    most_requests = 3

    def advance(self, entries: Sequence[BatchRequest]) -> None:
        for entry in entries:
            entry.body, entry.is_answered = str(len(entries)), True
        self.most_requests = 2


def test_a_batch_has_as_many_requests_as_the_handler_takes() -> None:
    ours, its = socket.socketpair()
    with ours, its:
        messages = [Message(number, {"id": "id", "headers": {}}) for number in range(1, 7)]
        ours.sendall(b"".join(message.encoded() for message in messages))
        ours.shutdown(socket.SHUT_WR)
        make_context = partial(Context, "model", "", {}, 1, None, "")
        answer(Inbox(its), cast(BatchHandler, Handler()), ServingOptions(batch_delay_ms=0), make_context)
        _, *answers = Decoder().feed(ours.recv(1 << 16))
    assert [message.body for message in answers] == [b"3", b"3", b"3", b"2", b"2", b"1"]
