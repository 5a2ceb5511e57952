from __future__ import annotations

import ast
from types import SimpleNamespace
from typing import Any

from benchmarks.architectures import COLUMNS, TESTS, Recorder, table


def report(test: str, passed: bool) -> Any:
    return SimpleNamespace(nodeid=f"tests/integration/{TESTS.name}::{test}[gpt2]", passed=passed)


def test_each_test_has_a_column_and_each_column_a_test() -> None:
    functions = [node.name for node in ast.parse(TESTS.read_text()).body if isinstance(node, ast.FunctionDef)]
    assert [name for name in functions if name.startswith("test_")] == list(COLUMNS)


def test_a_test_that_fails_in_any_phase_is_a_no() -> None:
    recorder, (first, second, *_) = Recorder(), COLUMNS
    for test, outcomes in {first: (True, True, True), second: (True, False, True), "test_other": (True,)}.items():
        for passed in outcomes:
            recorder.pytest_runtest_logreport(report(test, passed))
    assert table(recorder.passed).splitlines()[2] == "| gpt2 | yes | **no** |  |  |  |  |"
