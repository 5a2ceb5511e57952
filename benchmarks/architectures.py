"""Prints a table of model architectures and passed tests: training, resume, LoRA, pipeline, serving.

    python -m benchmarks.architectures [-k 'gpt2 or llama']

Runs tests/integration/test_training_architectures.py and prints yes or no for each architecture and test, and nothing
for a test that was not run. Exits with pytest's status.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1] / "tests" / "integration" / "test_training_architectures.py"
COLUMNS = {
    "test_it_trains_from_text_and_the_loss_falls": "starts",
    "test_a_killed_training_resumes_bit_identically": "resume identical",
    "test_the_best_model_is_delivered_even_if_it_is_not_the_last": "best not last",
    "test_a_lora_model_is_delivered_with_merged_weights": "LoRA",
    "test_it_works_in_transformers_pipeline_with_the_right_labels": "pipeline loads",
    "test_the_served_scores_equal_the_pipelines": "served scores equal",
}


class Recorder:
    """A pytest plugin that records which test passed for which architecture."""

    def __init__(self) -> None:
        self.passed: defaultdict[str, dict[str, bool]] = defaultdict(dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record one phase (set-up, call, tear-down) of a test, which passes only if all phases pass."""
        name = re.search(r"::(\w+)\[(.+)\]$", report.nodeid)
        if name and name[1] in COLUMNS:
            row = self.passed[name[2]]
            row[name[1]] = row.get(name[1], True) and report.passed


def table(passed: dict[str, dict[str, bool]]) -> str:
    """A Markdown table with a row for each architecture and a column for each test."""
    words = {True: "yes", False: "**no**", None: ""}
    lines = [f"| architecture | {' | '.join(COLUMNS.values())} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for architecture, row in passed.items():
        lines.append(f"| {architecture} | {' | '.join(words[row.get(test)] for test in COLUMNS)} |")
    return "\n".join(lines)


def main() -> int:
    """Run the tests and print the table; returns pytest's status."""
    recorder = Recorder()
    status = pytest.main([str(TESTS), "-q", "--no-header", *sys.argv[1:]], plugins=[recorder])
    print(table(recorder.passed), flush=True)
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
