"""A table of what holds for which architecture, from the tests of the matrix.

    python -m benchmarks.architectures [-k 'gpt2 or llama']

Runs tests/integration/test_training_architectures.py, and writes yes or no for each architecture and promise; for an
architecture that was not run, nothing. Exits with pytest's status.
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
    "test_a_killed_training_resumes_to_the_same_bits": "resume identical",
    "test_the_best_model_is_delivered_though_it_is_not_the_last": "best not last",
    "test_a_model_adapted_in_low_rank_is_delivered_as_a_plain_one": "LoRA",
    "test_it_answers_in_a_plain_pipeline_with_the_right_labels": "pipeline loads",
    "test_it_is_served_with_the_pipelines_scores": "served scores equal",
}


class Recorder:
    """A plugin of pytest that keeps which test passed for which architecture."""

    def __init__(self) -> None:
        self.passed: defaultdict[str, dict[str, bool]] = defaultdict(dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of a test: what fails in one of them has not passed."""
        name = re.search(r"::(\w+)\[(.+)\]$", report.nodeid)
        if name and name[1] in COLUMNS:
            row = self.passed[name[2]]
            row[name[1]] = row.get(name[1], True) and report.passed


def table(passed: dict[str, dict[str, bool]]) -> str:
    """Markdown: a row for each architecture, a column for each promise."""
    words = {True: "yes", False: "**no**", None: ""}
    lines = [f"| architecture | {' | '.join(COLUMNS.values())} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for architecture, row in passed.items():
        lines.append(f"| {architecture} | {' | '.join(words[row.get(test)] for test in COLUMNS)} |")
    return "\n".join(lines)


def main() -> int:
    recorder = Recorder()
    status = pytest.main([str(TESTS), "-q", "--no-header", *sys.argv[1:]], plugins=[recorder])
    print(table(recorder.passed), flush=True)
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
