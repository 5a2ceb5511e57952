"""Runs training as a process: starts it, reads its log and its results."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from training_base import Job

from benchmarks import jobs

SECONDS = 240
ROOT = Path(__file__).parents[1]


def start(job: Job) -> subprocess.Popen[str]:
    environ = {
        **os.environ,
        "SAGEMAKER_BASE_DIR": str(job.paths.base),
        "SAGEMAKER_TRAINING_MODULE": "training.launch:main",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    train = Path(sys.executable).with_name("train")
    return subprocess.Popen([train], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    output = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 0, output
    return output


def until(process: subprocess.Popen[str], text: str) -> None:
    """Read the log up to a line that ends in `text`."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.rstrip().endswith(text):
            return
    pytest.fail(f"no {text!r} in\n{''.join(lines)}")


def history(job: Job) -> list[dict[str, Any]]:
    return json.loads((job.paths.output_data / "metrics.json").read_text())["history"]


def series(job: Job, name: str) -> list[float]:
    return [entry[name] for entry in history(job) if name in entry]


def weights(job: Job) -> bytes:
    return (job.paths.model / "model.safetensors").read_bytes()


def outcome(job: Job) -> dict[str, Any]:
    """Weights, metrics and history of a job, without measured times."""
    return jobs.outcome(job.paths)


def failure(job: Job) -> str:
    return job.paths.failure.read_text()


def stop(job: Job, at: int) -> int:
    """Start the job and stop it at step `at`; returns the step of its checkpoint."""
    process = start(job)
    until(process, f" step = {at}")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=SECONDS)
    assert process.returncode != 0
    step = int(re.fullmatch(r"interrupted, checkpoint at step (\d+)", failure(job))[1])  # type: ignore[index]
    assert at <= step <= at + 2
    return step
