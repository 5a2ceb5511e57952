"""What the README says against the code."""

import re
from pathlib import Path

from contract.options import declared
from inference.options import ServingOptions
from processing.options import ProcessingOptions
from training.hyperparameters import argument_kinds, known_names
from training.options import TrainingOptions

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()


def section(heading: str) -> str:
    return README.split(f"### {heading}\n")[1].split("\n##")[0]


def test_every_code_block_is_part_of_the_example_that_the_tests_run() -> None:
    example = (ROOT / "examples" / "sdk_v2.py").read_text()
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks[:3]:
        assert block in example
    assert blocks[3].splitlines()[0].removeprefix(">>> ") in example


def test_every_flag_named_is_one() -> None:
    named = re.findall(r"`--([a-z-]+)`", section("processing"))
    flags = {name for option in declared(ProcessingOptions) for name in (option.name, *option.aliases)}
    assert len(named) > 15
    assert {name.replace("-", "_") for name in named} - {"help"} <= flags


def test_every_hyperparameter_named_is_one() -> None:
    row = next(line for line in section("training").splitlines() if line.startswith("| hyperparameters"))
    named = set(re.findall(r"`([a-z_]+)`", row))
    ours = {option.name: option.kind for option in declared(TrainingOptions)}
    assert len(named) > 8
    assert named <= set(known_names(argument_kinds() | ours))


def test_every_variable_named_is_one_and_has_the_default_it_says() -> None:
    row = next(line for line in section("inference").splitlines() if line.startswith("| environment"))
    defaults = {option.variable: option.default for option in declared(ServingOptions)}
    named = re.findall(r"`([A-Z_]+)`(?: \((\d+)\))?", row)
    assert len(named) > 3
    for name, default in named:
        assert name in defaults
        assert default in ("", str(defaults[name]))
