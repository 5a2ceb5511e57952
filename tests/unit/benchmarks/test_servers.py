"""Servers that a benchmark starts, measures and ends."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from benchmarks.servers import members, running
from contract.local_server import free_port

# It responds from a daemon outside the process tree and session, as multi-model-server does.
DAEMON = """
import os, http.server, time
if os.fork():
    time.sleep(600)
os.setsid()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        sum(range(5_000_000))
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


def test_a_server_and_its_daemons_are_measured_and_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DAEMON]
    with running("server", command, free_port(), tmp_path / "s", {"KEY": "value"}) as server:
        processes = members(server.mark)
        assert len(processes) == 2
        assert server.cpu_seconds() > 0.05
    deadline = time.monotonic() + 10
    while members(server.mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not members(server.mark)
    assert os.getpid() not in processes


def test_a_server_that_ends_shows_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('no model'); raise SystemExit(3)"]
    with (
        pytest.raises(SystemExit, match="server does not respond:\nno model"),
        running("server", command, free_port(), tmp_path / "s", {}),
    ):
        pass
