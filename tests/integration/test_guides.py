"""Runs the commands of the guides in docs/ (processing, training, inference) in turn on a small data set."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from contract.files import read_json
from contract.local_server import free_port
from examples.demo import model, reviews

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)


def commands(page: str) -> list[str]:
    """The shell commands of a page that need no container."""
    return [block for block in BLOCK.findall((ROOT / "docs" / page).read_text()) if "docker run" not in block]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the input of `make demo`, and an environment to activate."""
    folder = tmp_path_factory.mktemp("clone")
    data = folder / ".demo" / "ml" / "processing" / "input" / "reviews.tsv.gz"
    reviews.write_reviews(data, 600)
    model.write_model(folder / ".demo" / "small-bert", data, "review_body", 128)
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "activate").touch()
    return folder


@pytest.fixture(scope="module")
def ran(folder: Path) -> str:
    """Run the commands of the three guides as one script; returns its standard output."""
    blocks = [*commands("processing.md")[:1], *commands("training.md"), *commands("inference.md")]
    script = "".join(blocks).replace("8080", str(free_port()))
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_guides_end_with_a_prediction_for_each_text(ran: str) -> None:
    answers = json.loads(ran.splitlines()[-1])
    assert [set(answer) for answer in answers] == [{"label", "score"}] * 2
    assert {answer["label"] for answer in answers} <= {"NEGATIVE", "POSITIVE"}


def test_the_guides_leave_the_folders_that_they_name(ran: str, folder: Path) -> None:
    report = read_json(folder / "job" / "processing" / "report" / "report.json", "report")
    assert report["rows"]["read"] == 600
    named = ("processing/report/report.html", "model/model.safetensors", "output/data/report.html", "serve.log")
    assert [name for name in named if not (folder / "job" / name).is_file()] == []


def test_the_filters_of_the_guide_are_applied(ran: str, folder: Path) -> None:
    block = commands("processing.md")[1]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "SAGEMAKER_BASE_DIR": str(folder / "filtered")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", block], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = read_json(folder / "filtered" / "processing" / "report" / "report.json", "report")
    assert {"where", "duplicate"} <= set(report["rows"]["filtered"])
    assert len(set(report["labels"]["train"].values())) == 1, report["labels"]
