from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
COMMIT = "c0ffee" + "0" * 34
FILES = {"config.json": b"{}", "model.safetensors": b"weights", "pytorch_model.bin": b"pickle", "evil.py": b"print(1)"}
SCRIPT = (
    "import os, sys; from pathlib import Path; from inference.server.hub import download\n"
    "found = download('team/model', 'v1', sys.argv[2] == 'pickles', Path(sys.argv[1]), os.environ)\n"
    "print(sorted(path.name for path in found.iterdir()), (found / 'model.safetensors').read_bytes())\n"
)


class Hub(BaseHTTPRequestHandler):
    """A replacement for the hub: the list of files of a revision, and the files."""

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        name = self.path.rpartition("/")[2].partition("?")[0]
        if self.path.startswith("/api/models/team/model/revision/v1"):
            content = {"id": "team/model", "sha": COMMIT, "siblings": [{"rfilename": name} for name in FILES]}
            self.send(200, json.dumps(content).encode(), body)
        elif self.path.startswith(f"/api/models/team/model/tree/{COMMIT}"):
            listed = [{"type": "file", "path": name, "size": len(FILES[name]), "oid": name} for name in FILES]
            self.send(200, json.dumps(listed).encode(), body)
        elif self.path.startswith(f"/team/model/resolve/{COMMIT}/") and name in FILES:
            self.send(200, FILES[name], body)
        else:
            self.send(404, b"{}", body)

    def send(self, status: int, content: bytes, body: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", f'"{len(content)}-{content[:4].hex()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def download(folder: Path, kind: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a download in a separate process, since huggingface_hub reads its settings at import."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environ |= {"PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, "-c", SCRIPT, str(folder), kind]
    return subprocess.run(command, capture_output=True, text=True, env=environ, check=False)


@pytest.mark.parametrize(("kind", "more"), [("plain", []), ("pickles", ["pytorch_model.bin"])])
def test_weights_and_settings_come_but_no_code(hub: str, tmp_path: Path, kind: str, more: list[str]) -> None:
    finished = download(tmp_path, kind, HF_ENDPOINT=hub, HF_HUB_OFFLINE="0")
    assert finished.stdout == f"{['config.json', 'model.safetensors', *more]} b'weights'\n", finished.stderr


def test_offline_is_one_sentence_with_the_remedy(hub: str, tmp_path: Path) -> None:
    finished = download(tmp_path, "plain", HF_ENDPOINT=hub, HF_HUB_OFFLINE="1")
    sentence = "HF_MODEL_ID is 'team/model', but the image works offline; expected the model as model data"
    assert sentence in finished.stderr.splitlines()[-1]


def test_an_unreachable_hub_is_named(tmp_path: Path) -> None:
    finished = download(tmp_path, "plain", HF_ENDPOINT="http://127.0.0.1:1", HF_HUB_OFFLINE="0")
    assert "HF_MODEL_ID is 'team/model', which cannot be downloaded from the hub: " in finished.stderr.splitlines()[-1]
