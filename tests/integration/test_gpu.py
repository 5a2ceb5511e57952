"""`make gpu-check` and `make gpu-bench` on the CPU, so that nothing of them runs for the first time on a GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]


def run(module: str, output: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `module` with --small and without any limit of time that a busy machine could exceed."""
    command = [sys.executable, "-m", module, "--small", "--output", str(output), "--seconds", "1800", *options]
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def read(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_every_check_passes_or_says_that_it_needs_a_gpu(tmp_path: Path) -> None:
    # The others have tests of their own here.
    done = run("robustness.gpu_check", tmp_path, "--skip", "selftest", "FSDP", "SIGTERM")
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = {str(each["name"]): each["outcome"] for each in read(tmp_path / "check.jsonl")}
    assert {name for name, outcome in outcomes.items() if outcome == "absent"} == {
        *("MFU", "fp16: killed and resumed", "out of memory")
    }
    assert len(outcomes) == 9
    assert done.stdout.endswith("no check failed\n")


def test_every_figure_is_measured(tmp_path: Path) -> None:
    done = run("benchmarks.gpu_bench", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = read(tmp_path / "bench.jsonl")
    programs = [each["program"] for each in figures if each["part"] == "training"]
    assert programs == ["image", "tutorial", "padded", "without padding", "torch.compile"]
    assert [each["program"] for each in figures if each["part"] == "serving"] == ["forward", "handler", *["server"] * 2]
    assert not any(each.get("failures") for each in figures)
    text = (tmp_path / "bench.md").read_text()
    assert all(f"| {program} |" in text for program in (*programs, "server"))
    assert (tmp_path / "bench.svg").read_text().rstrip().endswith("</svg>")
