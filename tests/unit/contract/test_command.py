import json
from importlib.metadata import version

import pytest

from contract import __version__
from contract.command import answered


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--max-length", "5", "--help"]])
def test_help_is_printed_wherever_the_flag_is(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert answered(arguments, lambda: "usage\n")
    told = capsys.readouterr().out
    assert told.startswith("usage\n")
    assert "selftest" in told


def test_the_version_comes_with_those_of_the_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    assert answered(["--version"], lambda: "usage\n")
    told = json.loads(capsys.readouterr().out)
    assert told["version"] == __version__
    assert told["libraries"]["tokenizers"] == version("tokenizers")


@pytest.mark.parametrize("arguments", [[], ["serve"], ["--helpful"]])
def test_other_arguments_are_not_handled(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert not answered(arguments, lambda: "usage\n")
    assert capsys.readouterr().out == ""
