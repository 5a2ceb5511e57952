from __future__ import annotations

import tempfile
from pathlib import Path

from inference.endpoint import PORTS, Endpoint


def test_a_unix_socket_where_its_path_is_short() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        endpoint = Endpoint.choose(Path(folder))
    assert str(endpoint) == f"unix:{folder}/server.sock"
    assert endpoint.native


def test_loopback_where_it_is_long(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    endpoint = Endpoint.choose(folder)
    assert endpoint.port in PORTS
    assert str(endpoint) == f"http://127.0.0.1:{endpoint.port}"
    assert not endpoint.native
