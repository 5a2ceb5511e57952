"""Compares the README and the guides in docs/ with the code."""

import re
from pathlib import Path

import pytest

from contract.options import declared
from inference.options import ServingOptions
from processing.options import ProcessingOptions
from training.hyperparameters import argument_kinds, known_names
from training.options import TrainingOptions

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()
GUIDES = {name: (ROOT / "docs" / f"{name}.md").read_text() for name in ("processing", "training", "inference")}
EXAMPLES = "".join(file.read_text() for file in sorted((ROOT / "examples").glob("*.py")))
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#]+?)(?:#([^)]*))?\)")


def row(page: str, first: str) -> str:
    """The row of the summary table of `page` that begins with `first`."""
    return next(line for line in GUIDES[page].splitlines() if line.startswith(f"| {first}"))


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 200


def test_every_code_block_is_part_of_the_example_that_the_tests_run() -> None:
    example = (ROOT / "examples" / "sdk_v2.py").read_text()
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks[:3]:
        assert block in example
    assert blocks[3].splitlines()[0].removeprefix(">>> ") in example


@pytest.mark.parametrize("page", GUIDES)
def test_every_launch_of_a_guide_is_part_of_an_example_that_the_tests_run(page: str) -> None:
    blocks = [block for block in re.findall(r"```python\n(.*?)```", GUIDES[page], re.DOTALL) if block.startswith(" ")]
    assert blocks
    assert [block for block in blocks if block not in EXAMPLES] == []


def test_every_flag_in_the_documents_exists() -> None:
    # The guide has options of docker build too, in its commands.
    named = re.findall(r"`--([a-z-]+)[` ]", GUIDES["processing"])
    flags = {name for option in declared(ProcessingOptions) for name in (option.name, *option.aliases)}
    assert len(named) > 30
    assert {name.replace("-", "_") for name in named} - {"help"} <= flags


def test_every_hyperparameter_in_the_documents_exists() -> None:
    named = set(re.findall(r"`([a-z_]+)`", row("training", "hyperparameters")))
    ours = {option.name: option.kind for option in declared(TrainingOptions)}
    assert len(named) > 8
    assert named <= set(known_names(argument_kinds() | ours))
    assigned = set(re.findall(r"`([a-z_]+)=[^`]+`", GUIDES["training"]))
    assert len(assigned) > 5
    assert assigned - {"distribution"} <= set(known_names(argument_kinds() | ours))


def test_every_variable_in_the_documents_exists_with_this_default() -> None:
    defaults = {option.variable: option.default for option in declared(ServingOptions)}
    named = re.findall(r"`([A-Z_]+)`(?: \((\d+)\))?", row("inference", "environment"))
    assert len(named) > 3
    for name, default in named:
        assert name in defaults
        assert default in ("", str(defaults[name]))
    # The folder of all jobs is no option of serving.
    others = {"SAGEMAKER_BASE_DIR"}
    assert set(re.findall(r"SERVING_[A-Z_]+|SAGEMAKER_[A-Z_]+", GUIDES["inference"])) - others <= set(defaults)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text()):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        file = (page.parent / target).resolve()
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file.read_text()), f"{target}#{anchor}"


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
