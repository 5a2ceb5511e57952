"""What goes to /opt/ml/output/data: numbers for programs and for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from contract.files import write_json, write_text
from training.metrics import text


def write(folder: Path, metrics: Mapping[str, float], history: Sequence[Mapping[str, Any]]) -> None:
    """metrics.json with the last metrics and the history, and eval_results.txt as the examples have it."""
    write_json(folder / "metrics.json", {"metrics": dict(metrics), "history": [dict(entry) for entry in history]})
    judged = {name: value for name, value in metrics.items() if name.startswith(("eval_", "test_"))}
    write_text(folder / "eval_results.txt", "".join(f"{name} = {text(judged[name])}\n" for name in sorted(judged)))
