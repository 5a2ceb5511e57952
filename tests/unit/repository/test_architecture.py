"""The tables of docs/architecture.md say of each module which code is in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "architecture.md").read_text()
# Every package has them, and they say so themselves.
UNNAMED = {"__init__.py", "__main__.py", "checks.py", "local_server.py", "options.py", "selftest.py"}


@pytest.mark.parametrize("package", ["contract", "processing", "training", "inference"])
def test_the_table_of_a_package_names_its_modules_and_no_others(package: str) -> None:
    section = re.search(rf"^### {package}/\n(.*?)(?=^##)", TEXT, re.DOTALL | re.MULTILINE)
    assert section is not None
    named = {Path(name).name for name in re.findall(r"`([\w/]+\.py)`", section[1])}
    present = {file.name for file in (ROOT / package).rglob("*.py")}
    assert named <= present
    assert present - UNNAMED <= named
