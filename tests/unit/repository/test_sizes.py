"""No module over 250 lines and no function over 40, in code and in tests."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tools.tree import PACKAGES

ROOT = Path(__file__).parents[3]
MOST_OF_A_MODULE = 250
MOST_OF_A_FUNCTION = 40
FOLDERS = (*PACKAGES, "tests")


def modules() -> list[Path]:
    return sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))


def long_functions(text: str) -> dict[str, int]:
    """Number of lines of each function that is too long, without its decorators."""
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = {node.name: (node.end_lineno or node.lineno) - node.lineno + 1 for node in functions}
    return {name: lines for name, lines in lengths.items() if lines > MOST_OF_A_FUNCTION}


def test_no_module_is_long() -> None:
    found = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in modules()}
    assert len(found) > 400
    assert {name: lines for name, lines in found.items() if lines > MOST_OF_A_MODULE} == {}


def test_no_function_is_long() -> None:
    found = {str(file.relative_to(ROOT)): long_functions(file.read_text()) for file in modules()}
    assert {name: functions for name, functions in found.items() if functions} == {}


@pytest.mark.parametrize(("lines", "found"), [(39, {}), (40, {"long": 41})])
def test_a_long_function_is_found(lines: int, found: dict[str, int]) -> None:
    assert long_functions("async def long():\n" + "    print()\n" * lines) == found
