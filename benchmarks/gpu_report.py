"""Tables and plots of what benchmarks/gpu_bench.py measured.

    python -m benchmarks.gpu_report FOLDER

FOLDER has bench.jsonl, from any machine; bench.md and bench.svg are written beside it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import machine
from contract.files import write_text
from contract.machine import gpus

Figures = dict[str, Any]
TRAINING_HEADS = ("model", "at most", "program", "samples/s", "speed-up", "tokens/s", "padding", "MFU", "GPU memory")
SERVING_HEADS = ("model", "at most", "program", "clients", "texts/s", "p50", "p99", "of the forward pass alone")


def read(file: Path) -> list[Figures]:
    """The figures in `file`, none where it does not exist."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []


def training_rows(results: Sequence[Figures]) -> list[list[str]]:
    """Rows of TRAINING_HEADS; speed-up is over the tutorial's samples/s."""
    measured = [each for each in results if each["part"] == "training"]
    tutorial = {key(each): each.get("samples") for each in measured if each["program"] == "tutorial"}
    rows = []
    for each in measured:
        start = [each["model"], f"{each['limit']} tokens", each["program"]]
        peer = tutorial.get(key(each))
        if "error" in each:
            rows.append([*start, each["error"]])
            continue
        rows.append(
            [
                *(*start, f"{each['samples']:,.0f}", f"{each['samples'] / peer:.1f}" if peer else ""),
                *(f"{each['tokens']:,.0f}", cell(each.get("padding"), ".0%"), cell(each.get("mfu"), ".1%")),
                cell(each.get("memory"), ",.0f", " MB"),
            ]
        )
    return rows


def serving_rows(results: Sequence[Figures]) -> list[list[str]]:
    """Rows of SERVING_HEADS."""
    measured = [each for each in results if each["part"] == "serving"]
    alone = {key(each): each["rate"] for each in measured if each.get("program") == "forward"}
    rows = []
    for each in measured:
        start = [each["model"], f"{each['limit']} tokens", each.get("program", "")]
        if "error" in each:
            rows.append([*start, each["error"]])
            continue
        bound = alone.get(key(each))
        share = each["rate"] / bound if bound and each["program"] == "server" else None
        times = [cell(each.get(name), ",.1f", " ms") for name in ("p50", "p99")]
        rows.append([*start, str(each.get("clients", "")), f"{each['rate']:,.0f}", *times, cell(share, ".0%")])
    return rows


def key(figures: Figures) -> tuple[str, int]:
    """What results have in common that can be compared: model and length."""
    return figures["model"], figures["limit"]


def cell(value: float | None, form: str, unit: str = "") -> str:
    """A value as text; empty for none, and for a memory of 0, which was not measured."""
    return f"{value:{form}}{unit}" if value else ""


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; a short row is one whose last cell says why the rest is missing."""
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    lines += ["| " + " | ".join([*row, *[""] * (len(heads) - len(row))]) + " |" for row in rows]
    return "\n".join(lines)


def write(folder: Path) -> None:
    """Write bench.md, and bench.svg where matplotlib is installed."""
    results = read(folder / "bench.jsonl")
    head = f"{', '.join(gpus('name')) or 'no GPU'}; {machine()}; {datetime.now(UTC):%Y-%m-%d}"
    parts = [head, table(TRAINING_HEADS, training_rows(results)), table(SERVING_HEADS, serving_rows(results))]
    write_text(folder / "bench.md", "\n\n".join(parts) + "\n")
    try:
        from benchmarks.gpu_plot import plot
    except ImportError:
        print("bench.svg is not drawn: there is no matplotlib")
        return
    write_text(folder / "bench.svg", plot(results))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
