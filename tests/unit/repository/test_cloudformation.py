"""The CloudFormation example fits the schemas of its resources, by cfn-lint, for each kind of endpoint."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TEMPLATE = Path(__file__).parents[3] / "examples" / "cloudformation.yaml"


def lint(template: Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [Path(sys.executable).with_name("cfn-lint"), template]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_template_is_valid_and_a_broken_one_would_be_noticed(tmp_path: Path) -> None:
    finished = lint(TEMPLATE)
    assert (finished.returncode, finished.stdout) == (0, "")
    broken = tmp_path / "broken.yaml"
    broken.write_text(TEMPLATE.read_text().replace("MaxConcurrentInvocationsPerInstance", "MostAtOnce"))
    assert "MostAtOnce" in lint(broken).stdout
