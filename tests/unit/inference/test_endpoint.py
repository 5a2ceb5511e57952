from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest

from contract.failures import UserError
from inference import endpoint as endpoints
from inference.endpoint import PORTS, Endpoint, free_port


def test_a_unix_socket_where_its_path_is_short() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        endpoint = Endpoint.choose(Path(folder))
    assert str(endpoint) == f"unix:{folder}/server.sock"
    assert endpoint.native


def test_loopback_where_it_is_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The real one may be taken by another program.
    monkeypatch.setattr(endpoints, "WORKER_PORT", free_port())
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    endpoint = Endpoint.choose(folder)
    assert endpoint.port in PORTS
    assert str(endpoint) == f"http://127.0.0.1:{endpoint.port}"
    assert not endpoint.native


def test_a_taken_worker_port_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(endpoints, "WORKER_PORT", taken.getsockname()[1])
        with pytest.raises(UserError, match="is taken, and the temporary folder cannot hold sockets"):
            Endpoint.choose(folder)
