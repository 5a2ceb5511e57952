from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import gpu_report

COMMON = {"part": "training", "model": "BERT-base", "limit": 512}
SERVED = {"part": "serving", "model": "BERT-base", "limit": 512}
RESULTS = [
    {**COMMON, "program": "image", "samples": 800, "tokens": 2e5, "padding": 0.02, "mfu": 0.45, "memory": 9000},
    {**COMMON, "program": "tutorial", "samples": 100, "tokens": 2.5e4, "padding": 0.5, "mfu": None, "memory": 0},
    {**COMMON, "program": "torch.compile", "error": "CompileError: no"},
    {**SERVED, "program": "forward", "rate": 1000},
    {**SERVED, "program": "server", "clients": 64, "rate": 700, "p50": 80.0, "p99": 120.0, "failures": 0},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bench.jsonl").write_text("".join(json.dumps(each) + "\n" for each in RESULTS))
    return tmp_path


def test_speed_up_is_over_the_tutorial_and_a_share_of_the_forward_pass(folder: Path) -> None:
    gpu_report.write(folder)
    text = (folder / "bench.md").read_text()
    assert "| BERT-base | 512 tokens | image | 800 | 8.0 | 200,000 | 2% | 45.0% | 9,000 MB |" in text
    assert "| BERT-base | 512 tokens | tutorial | 100 | 1.0 | 25,000 | 50% |  |  |" in text
    assert "| BERT-base | 512 tokens | server | 64 | 700 | 80.0 ms | 120.0 ms | 70% |" in text
    assert "CompileError: no" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert widths == {len(gpu_report.TRAINING_HEADS) + 1, len(gpu_report.SERVING_HEADS) + 1}


def test_the_plot_has_a_bar_for_each_rate(folder: Path) -> None:
    gpu_report.write(folder)
    drawn = (folder / "bench.svg").read_text()
    for text in ("800.0 samples/s", "100.0 samples/s", "700.0 texts/s", "server, 64 clients"):
        assert f">{text}<" in drawn
