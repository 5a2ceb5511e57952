"""Validates the GitHub workflows by GitHub's schema, and the commands that they run."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
Command = list[str | Path]


def steps(name: str) -> list[dict[str, Any]]:
    content = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())
    return [step for job in content["jobs"].values() for step in job["steps"]]


def scripts(name: str) -> list[str]:
    return [step["run"] for step in steps(name) if "run" in step]


def valid(file: Path) -> subprocess.CompletedProcess[str]:
    checker = Path(sys.executable).with_name("check-jsonschema")
    command: Command = [checker, "--builtin-schema", "vendor.github-workflows", file]
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
    # Only the workflow of the site publishes pages, which does not change the repository.
    assert set(permissions) <= {"contents", "id-token"} | ({"pages"} if file.stem == "docs" else set())
    assert all("permissions" not in job for job in yaml.safe_load(file.read_text())["jobs"].values())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_action_is_pinned_by_a_commit_and_says_its_version(file: Path) -> None:
    used = re.findall(r"uses: (.*)", file.read_text())
    assert used
    assert [line for line in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


def test_one_action_has_one_commit() -> None:
    used = {found for file in FILES for found in re.findall(r"uses: (\S+)@(\S+)", file.read_text())}
    assert len(used) == len({action for action, _ in used})


@pytest.mark.parametrize(
    ("schema", "file"),
    [("dependabot", ".github/dependabot.yml")]
    + [("github-issue-forms", f".github/ISSUE_TEMPLATE/{name}.yml") for name in ("fault", "wish")],
)
def test_githubs_configuration_files_fit_their_schemas(schema: str, file: str, tmp_path: Path) -> None:
    command: Command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", f"vendor.{schema}"]
    assert subprocess.run([*command, ROOT / file], capture_output=True, check=False).returncode == 0
    broken = tmp_path / "broken.yml"
    broken.write_text((ROOT / file).read_text().replace("version: 2", "version: 9").replace("body:", "text:"))
    assert subprocess.run([*command, broken], capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_value_of_github_is_pasted_into_a_script(file: Path) -> None:
    for script in scripts(file.name):
        assert "${{" not in script
        command: Command = [Path(sys.executable).with_name("shellcheck"), "--shell=bash", "-"]
        checked = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout


def test_ci_runs_the_makefiles_targets() -> None:
    assert {".ci/run", "make docs"} <= set(scripts("ci.yml"))
    assert "make docs" in scripts("docs.yml")


def test_a_release_pushes_the_version_that_its_tag_names() -> None:
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())["jobs"]["push"]
    check, *_, push = (step["run"] for step in job["steps"] if "run" in step)
    for tag, status in ((f"v{version()}", 0), ("v0.0.0", 1)):
        command = ["bash", "-c", check]
        environment = {"PATH": "/usr/bin:/bin", "GITHUB_REF_NAME": tag}
        assert subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == status
    assert "./build.sh --push" in push
    options = (ROOT / "images" / "options.py").read_text()
    assert set(re.findall(r" (--[a-z-]+)", push)) <= set(re.findall(r"--[a-z-]+", options))


def test_a_release_is_tested_before_it_is_pushed() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())["jobs"]
    assert jobs["push"]["needs"] == "test"
    assert {"make unit", ".venv/bin/python -m pytest tests/integration"} <= {
        step.get("run") for step in jobs["test"]["steps"]
    }


def version() -> str:
    found = re.search(r'"(.*)"$', (ROOT / "contract" / "__init__.py").read_text().strip())
    assert found
    return found[1]
