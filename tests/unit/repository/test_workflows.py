"""GitHub's workflows against GitHub's schema, and against what they call."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def steps(name: str) -> list[dict[str, Any]]:
    content = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())
    return [step for job in content["jobs"].values() for step in job["steps"]]


def scripts(name: str) -> list[str]:
    return [step["run"] for step in steps(name) if "run" in step]


def valid(file: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", file]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_workflow_fits_githubs_schema(file: Path, tmp_path: Path) -> None:
    assert valid(file).returncode == 0, valid(file).stdout
    broken = tmp_path / file.name
    broken.write_text(file.read_text().replace("runs-on:", "run-on:"))
    assert valid(broken).returncode != 0


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_workflow_keeps_no_secret_and_writes_nothing_to_the_repository(file: Path) -> None:
    assert "secrets." not in file.read_text()
    permissions = yaml.safe_load(file.read_text())["permissions"]
    assert permissions["contents"] == "read"
    assert set(permissions) <= {"contents", "id-token"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_value_of_github_is_pasted_into_a_script(file: Path) -> None:
    for script in scripts(file.name):
        assert "${{" not in script
        command = [Path(sys.executable).with_name("shellcheck"), "--shell=bash", "-"]
        checked = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout


def test_ci_runs_what_people_run() -> None:
    assert ".ci/run" in scripts("ci.yml")


def test_a_release_pushes_the_version_that_its_tag_names() -> None:
    check, *_, push = scripts("release.yml")
    for tag, status in ((f"v{version()}", 0), ("v0.0.0", 1)):
        command = ["bash", "-c", check]
        environment = {"PATH": "/usr/bin:/bin", "GITHUB_REF_NAME": tag}
        assert subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == status
    assert "./build.sh --push" in push
    assert set(re.findall(r" (--[a-z-]+)", push)) <= set(re.findall(r"--[a-z-]+", (ROOT / "build.sh").read_text()))


def version() -> str:
    found = re.search(r'"(.*)"$', (ROOT / "contract" / "__init__.py").read_text().strip())
    assert found
    return found[1]
