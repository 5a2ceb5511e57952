"""Entry points from a clone, started by the interpreter's path with SAGEMAKER_BASE_DIR as the only variable.

For training see tests/integration/test_training_user_script.py, which starts all its jobs like this.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import datasets
import pytest
from inference_server import Server

from contract.local_server import free_port

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
ROWS = "review_id\treview_body\tstar_rating\n1\tgood film\t5\n2\tbad film\t1\n3\tgood good film\t4\n"


def test_processing(base: Path, tmp_path: Path) -> None:
    (tmp_path / "processing" / "input").mkdir(parents=True)
    (tmp_path / "processing" / "input" / "rows.tsv").write_text(ROWS)
    flags = ["--tokenizer", str(base / "model"), "--label-threshold", "4", "--train-ratio", "1"]
    flags += ["--validation-ratio", "0", "--test-ratio", "0"]
    command = [sys.executable, "-m", "processing", *flags]
    environ = {"SAGEMAKER_BASE_DIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(datasets.load_from_disk(str(tmp_path / "processing" / "train"))["labels"]) == [0, 1, 1]


def test_inference(base: Path, tmp_path: Path) -> None:
    port = free_port()
    # A free port, since another server may use 8080.
    environ = {"SAGEMAKER_BASE_DIR": str(base), "SAGEMAKER_BIND_TO_PORT": str(port)}
    command = [sys.executable, "-m", "inference", "serve"]
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=output, stderr=subprocess.STDOUT, text=True)
    server = Server(process, f"http://127.0.0.1:{port}", log, tmp_path)
    try:
        server.wait()
        [answer] = server.post({"inputs": "good film"}).json()
        assert set(answer) == {"label", "score"}
    finally:
        status = server.stop()
    assert status == 0
