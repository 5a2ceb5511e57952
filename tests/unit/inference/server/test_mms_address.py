from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
from pathlib import Path

import pytest

from contract.failures import UserError
from inference.server import mms_address as endpoints
from inference.server.mms_address import PORTS, MmsAddress, is_listened_on, is_taken


def test_a_unix_socket_where_its_path_is_short() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        mms_address = MmsAddress.choose(Path(folder))
    assert str(mms_address) == f"unix:{folder}/server.sock"
    assert mms_address.native


def test_loopback_where_it_is_long(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    mms_address = MmsAddress.choose(folder)
    assert mms_address.port in PORTS
    assert str(mms_address) == f"http://127.0.0.1:{mms_address.port}"
    assert not mms_address.native


def test_a_worker_port_in_use_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(endpoints, "WORKER_PORT", taken.getsockname()[1])
        monkeypatch.setattr(endpoints, "ENDING_SECONDS", 0.1)
        with pytest.raises(UserError, match="is in use, and the temporary folder cannot hold Unix sockets"):
            asyncio.run(MmsAddress(port=1).wait_until_free())
        # A Unix socket does not use the port.
        asyncio.run(MmsAddress(path=Path("/socket")).wait_until_free())


def test_a_port_closed_just_now_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    port = port_in_time_wait()
    monkeypatch.setattr(endpoints, "WORKER_PORT", port)
    assert is_taken(port)
    assert not is_listened_on(port)
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(MmsAddress(port=1).wait_until_free(), 0.1))


def test_a_listener_that_is_about_to_end_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(endpoints, "WORKER_PORT", taken.getsockname()[1])
    closing = threading.Timer(0.7, taken.close)
    closing.start()
    asyncio.run(asyncio.wait_for(MmsAddress(port=1).wait_until_free(), 5))
    closing.join()


def test_waiting_for_a_port_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        monkeypatch.setattr(endpoints, "WORKER_PORT", bound.getsockname()[1])
        monkeypatch.setattr(endpoints, "TIME_WAIT_SECONDS", 0)
        with pytest.raises(UserError, match="is in use"):
            asyncio.run(MmsAddress(port=1).wait_until_free())


def port_in_time_wait() -> int:
    """A port in TIME_WAIT: its side closed a connection first, without SO_REUSEADDR, as in workers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = int(server.getsockname()[1])
        client = socket.create_connection(("127.0.0.1", port))
        connection, _ = server.accept()
        connection.close()
        assert client.recv(1) == b""
        client.close()
    return port
