"""Ports on loopback, where Unix sockets are not possible: successive servers must be able to bind them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from inference_server import Server, running

from inference.server.mms_address import WORKER_PORT, is_listened_on

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(is_listened_on(WORKER_PORT), reason=f"another program listens on port {WORKER_PORT}"),
]

# Imports no library, so it starts at once.
CODE = "def model_fn(model_dir):\n    return 42\n\ndef predict_fn(data, model):\n    return [data['inputs'], model]\n"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "model" / "code").mkdir(parents=True)
    (tmp_path / "model" / "code" / "inference.py").write_text(CODE)
    return tmp_path


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """A folder whose path is too long for a Unix socket."""
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    return folder


def served(base: Path, temporary: Path, name: str) -> Iterator[Server]:
    with running(base, base / name, TMPDIR=str(temporary)) as server:
        server.wait()
        assert server.post({"inputs": name}).json() == [name, 42]
        yield server


def test_the_next_server_can_bind_the_port_at_once(base: Path, temporary: Path) -> None:
    for server in served(base, temporary, "first"):
        assert server.stop() == 0
    for server in served(base, temporary, "second"):
        assert "waiting for port" not in server.log.read_text()


def test_a_restarted_server_can_bind_its_port(base: Path, temporary: Path) -> None:
    for server in served(base, temporary, "lost"):
        server.java.kill()
        server.wait_until_down()
        server.wait()
        assert server.post({"inputs": "again"}).json() == ["again", 42]
        assert server.stop() == 0
