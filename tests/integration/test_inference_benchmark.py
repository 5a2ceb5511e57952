"""The inference benchmark with a tiny model: every workload has a row of each server in the table."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from unit.inference.tiny import write_model

from benchmarks.inference import GPU_WORKLOADS
from contract import onnx_export
from examples.demo.reviews import write_reviews

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.integration


def test_the_gpu_workloads_run_on_a_cpu(tmp_path: Path) -> None:
    write_model(tmp_path / "model")
    onnx_export.run(tmp_path / "model", tmp_path / "model" / "onnx")
    write_reviews(tmp_path / "reviews.tsv.gz", 200)
    command = [sys.executable, "-m", "benchmarks.inference", "--gpu", "--rounds", "1", "--seconds", "0.5"]
    command += ["--data", str(tmp_path / "reviews.tsv.gz"), "--model", str(tmp_path / "model")]
    command += ["--onnx-python", sys.executable]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    finished = subprocess.run(
        [*command, "--output", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environ,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    table = (tmp_path / "out" / "inference.md").read_text()
    for workload in GPU_WORKLOADS:
        assert f"| {workload} | inference image | " in table
        assert f"| {workload} | ONNX Runtime and uvicorn | " in table
    assert "| short reviews, no server | forward pass alone, 32 texts as they come, padded | " in table
    ElementTree.parse(tmp_path / "out" / "inference.svg")  # noqa: S314 (our own file)
