"""Runs MLflow's own server on loopback: `python tests/mlflow_server.py FOLDER PORT`.

Runs are kept as files in FOLDER/store, artifacts in FOLDER/artifacts. `mlflow server` is a command of the whole package
alone; the Flask application that it runs is in mlflow-skinny too.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

SECONDS = 120


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """A server with an empty store; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen([sys.executable, __file__, str(folder), str(port)], stdout=log, stderr=log)
        try:
            wait_for(server, address, folder / "server.log")
            yield address
        finally:
            server.kill()
            server.wait()


def wait_for(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    """Wait until the server responds."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if requests.get(f"{address}/health", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())


def main(folder: str, port: str) -> None:
    store = Path(folder, "store").as_uri()
    os.environ |= {
        "_MLFLOW_SERVER_FILE_STORE": store,
        "_MLFLOW_SERVER_REGISTRY_STORE": store,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(Path(folder, "artifacts")),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "MLFLOW_ALLOW_FILE_STORE": "true",
    }
    # Imported here: it reads the variables, and the test that starts it needs none of it.
    from mlflow.server import app
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", int(port), app, threaded=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
