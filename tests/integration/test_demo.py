"""`make demo` in a temporary folder."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from contract.card import Card

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def test_the_demo_runs_from_reviews_to_predictions(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    command = [sys.executable, "-m", "examples.demo", "--rows", "2500", "--folder", str(folder)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout[-3000:] + finished.stderr[-3000:]
    accuracy = re.search(r"validation accuracy ([\d.]+)", finished.stdout)
    assert accuracy
    assert float(accuracy[1]) >= 0.9
    assert re.findall(r"^   (POSITIVE|NEGATIVE) [\d.]+  ", finished.stdout, re.MULTILINE) == [
        "POSITIVE",
        "NEGATIVE",
        "POSITIVE",
    ]
    card = Card.read(folder / "ml" / "model")
    assert card.rows.read == 2500
    assert card.rows.balanced()
    assert card.rows.filtered and card.rows.rejected
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
