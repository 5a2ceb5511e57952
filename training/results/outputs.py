"""Writes /opt/ml/output/data: metrics.json, eval_results.txt, report.html and the PNG plots, by their modules."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from contract.card import REGRESSION, SINGLE_LABEL
from contract.files import write_json, write_text
from contract.page import PAGE_FILE
from training.metrics import text
from training.results import png_plots
from training.results.html_report import Report, page


def write(folder: Path, report: Report) -> None:
    """metrics.json, eval_results.txt as the examples have it, report.html and the pictures."""
    content = {
        "metrics": dict(report.metrics),
        "classes": {channel: [asdict(each) for each in report.classes(channel)] for channel in report.predictions},
        "history": [dict(entry) for entry in report.history],
        "hyperparameters": dict(report.arguments),
    }
    write_json(folder / "metrics.json", content)
    judged = {name: value for name, value in report.metrics.items() if name.startswith(("eval_", "test_"))}
    write_text(folder / "eval_results.txt", "".join(f"{name} = {text(judged[name])}\n" for name in sorted(judged)))
    write_text(folder / PAGE_FILE, page(report))
    png_plots.write_curves(folder, report.history)
    last = list(report.predictions.values())[-1]
    if last.problem_type == SINGLE_LABEL:
        png_plots.write_confusion(folder, last.matrix, report.label_names)
    if last.problem_type == REGRESSION:
        png_plots.write_scatter(folder, last.labels, last.predicted)
