from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.error import HTTPError

import pytest

from contract.local_server import free_port, is_ready, predict, wait_until_ready


class Handler(BaseHTTPRequestHandler):
    """A server that is ready at the third /ping, labels each text with itself, and refuses an empty list."""

    pings = 0

    def do_GET(self) -> None:
        Handler.pings += 1
        self.answer(200 if Handler.pings > 2 else 503, {})

    def do_POST(self) -> None:
        texts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["inputs"]
        self.answer(200 if texts else 400, [{"label": text, "score": 1.0} for text in texts])

    def answer(self, status: int, content: object) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    Handler.pings = 0
    with HTTPServer(("127.0.0.1", free_port()), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as sleeper:
        yield sleeper
        sleeper.kill()


def test_a_server_is_waited_for_until_it_is_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    assert wait_until_ready(process, address, 60)
    assert Handler.pings == 3


def test_a_process_that_ended_is_not_waited_for(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    assert not wait_until_ready(process, f"http://127.0.0.1:{free_port()}", 600)


def test_waiting_has_an_end(process: subprocess.Popen[bytes]) -> None:
    assert not wait_until_ready(process, f"http://127.0.0.1:{free_port()}", 0)


def test_each_text_gets_its_answer(address: str) -> None:
    assert [prediction["label"] for prediction in predict(address, ["one", "two"])] == ["one", "two"]
    with pytest.raises(HTTPError):
        predict(address, [])


def test_a_free_port_can_be_listened_on() -> None:
    port = free_port()
    assert not is_ready(f"http://127.0.0.1:{port}")
    with socket.create_server(("", port)) as server:
        assert server.getsockname()[1] == port
