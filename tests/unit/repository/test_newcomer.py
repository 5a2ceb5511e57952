"""Runs the commands of docs/building.md, from a clone to a job in another account, without real Docker and AWS."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
PAGE = (ROOT / "docs" / "building.md").read_text()
SECTION = PAGE.split("## From a clone to a job in another account\n")[1].split("\n## ")[0]
BLOCKS = re.findall(r"```bash\n(.*?)```", SECTION, re.DOTALL)
# The arguments of each call, and its policies.
Calls = list[tuple[list[str], list[Any]]]
# Writes its arguments and policies as one JSON line per call.
RECORDER = """#!{python}
import json, pathlib, sys
files = [pathlib.Path(word[7:]).read_text() for word in sys.argv if word.startswith("file://")]
with open({record!r}, "a") as record:
    record.write(json.dumps([sys.argv[1:], [json.loads(text) for text in files]]) + "\\n")
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs that the commands call: build.sh makes a dry run; aws and launchers record calls."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "bin").mkdir()
    (folder / ".build").mkdir()
    for name in (".venv", ".venv-launch"):
        (folder / name / "bin").mkdir(parents=True)
    record = RECORDER.format(python=sys.executable, record=str(folder / "record"))
    scripts = {
        "bin/aws": record,
        "bin/launcher": record,
        "bin/make": f'#!/bin/sh\ngrep -q "^$1:" {ROOT}/Makefile\n',
        "bin/docker": '#!/bin/sh\ncase "$1" in buildx) exit 1;; build) echo "--secret";; esac\n',
        "build.sh": f'#!/bin/sh\nexec {ROOT}/build.sh --dry-run --allow-dirty "$@"\n',
        "bin/python3": f'#!/bin/sh\n[ "$2" = venv ] || exec {sys.executable} "$@"\n',
        ".venv/bin/python": f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} "$@"\n',
        ".venv-launch/bin/python": '#!/bin/sh\nexec launcher "$@"\n',
    }
    for name, text in scripts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def calls(clone: Path) -> Calls:
    """Every call of aws and of the launchers, with its policies."""
    environment = os.environ | {"PATH": f"{clone}/bin:{os.environ['PATH']}", "DOCKER": f"{clone}/bin/docker"}
    command = ["bash", "-euo", "pipefail", "-c", "".join(BLOCKS)]
    finished = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return [tuple(json.loads(line)) for line in (clone / "record").read_text().splitlines()]


def test_every_command_runs_and_each_role_gets_its_policy(calls: Calls) -> None:
    roles = [(call, policies[0]) for call, policies in calls if call[:2] == ["iam", "put-role-policy"]]
    assert [call[3] for call, _ in roles] == [f"job-images-{name}" for name in ("processing", "training", "inference")]
    for call, policy in roles:
        image = call[3].removeprefix("job-images-")
        assert f"arn:aws:ecr:eu-west-1:123456789012:repository/sagemaker-huggingface-{image}" in json.dumps(policy)
        assert "arn:aws:s3:::reviews-bucket/reviews/*" in json.dumps(policy)
    trusted = [policies[0] for call, policies in calls if call[:2] == ["iam", "create-role"]]
    assert len(trusted) == 3
    assert all("sagemaker.amazonaws.com" in json.dumps(policy) for policy in trusted)


def test_the_launches_are_what_the_example_takes(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
    # Imported late: it takes seconds, and the SDK warns that it is deprecated.
    from examples.sdk_v2 import parse

    launches = [call[2:] for call, _ in calls if "examples.sdk_v2" in call]
    assert [parse(launch).command for launch in launches] == ["process", "train", "deploy"]


def test_every_file_and_module_exists() -> None:
    named = re.findall(r"-m ((?:images|examples)\.\w+)", SECTION)
    assert len(named) >= 5
    assert all((ROOT / (name.replace(".", "/") + ".py")).is_file() for name in named)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_commands_is_shell_and_names_what_there_is(page: Path) -> None:
    text = page.read_text()
    indented = re.findall(r"^    (\./build\.sh.*|make .*)$", text, re.MULTILINE)
    for block in [*re.findall(r"```bash\n(.*?)```", text, re.DOTALL), *indented]:
        checked = subprocess.run(["bash", "-n", "-c", block], capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, ""), block
    targets = {line.split(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if ": " in line}
    assert {shlex.split(line)[1] for line in indented if line.startswith("make ")} <= targets
    options = set(re.findall(r"--[a-z-]+", " ".join(line for line in indented if line.startswith("./build.sh"))))
    assert options <= set(re.findall(r"--[a-z-]+", (ROOT / "images" / "options.py").read_text()))


def test_the_readme_has_commands() -> None:
    indented = re.findall(r"^    (\./build\.sh.*|make .*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(indented) > 4
