import os
import string
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import options
from contract.failures import UserError
from contract.options import option


@dataclass(frozen=True)
class Example:
    max_length: int = option(128, "Longest row, in tokens.", aliases=("longest",))
    text_column: str | None = option(None, "Column of the text.", group="columns", variable="EXAMPLE_TEXT")
    columns: tuple[str, ...] = option((), "Columns to keep.", group="columns")
    drop: bool = option(False, "Drop duplicates.")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--max-length", "5"],
        ["--max_length", "5"],
        ["--max-length=5"],
        ["--longest", "5"],
        ["--max-length", "3", "--max-length", "5"],
    ],
)
def test_a_flag_has_many_spellings(arguments: list[str]) -> None:
    assert options.from_flags(Example, arguments) == Example(max_length=5)


def test_flags_take_lists_booleans_and_values_that_look_like_flags() -> None:
    parsed = options.from_flags(Example, ["--columns", "a,b", "c", "--drop", "--text-column=--odd"])
    assert parsed == Example(columns=("a,b", "c"), drop=True, text_column="--odd")
    assert options.from_flags(Example, ["--columns", "a,b", "--drop", "False"]) == Example(columns=("a", "b"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--max-lenght", "5"], "unknown option --max-lenght: did you mean --max-length?"),
        (["--zzz"], "unknown option --zzz: --help lists the known ones"),
        (["--max-length"], "option --max-length has no value, expected a whole number"),
        (["--max-length", "5", "6"], "option --max-length takes one value, got 2: ['5', '6']"),
        (["--max-length", "x"], "option --max-length is 'x', expected a whole number"),
        (["stray"], "argument 'stray' is not a flag; expected --name value"),
        (["--text-column", os.fsdecode(b"a\xff")], "argument 'a\\udcff' is not UTF-8; expected UTF-8"),
        ([os.fsdecode(b"--text-column=\xff")], "argument '--text-column=\\udcff' is not UTF-8; expected UTF-8"),
    ],
)
def test_a_wrong_flag_gets_one_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(UserError) as error:
        options.from_flags(Example, arguments)
    assert str(error.value) == sentence


def test_hyperparameters_of_the_platform_are_ignored() -> None:
    values = {"max_length": "5", "sagemaker_region": '"eu-west-1"', "_tuning_objective_metric": "loss"}
    assert options.from_mapping(Example, values) == Example(max_length=5)


def test_an_unknown_hyperparameter_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown hyperparameter max_lenght: did you mean max_length\?"):
        options.from_mapping(Example, {"max_lenght": "5"})


def test_two_spellings_of_one_hyperparameter_must_agree() -> None:
    assert options.from_mapping(Example, {"max_length": "5", "longest": "5"}) == Example(max_length=5)
    with pytest.raises(UserError, match="longest is '6', but max_length, the same option, is '5'"):
        options.from_mapping(Example, {"max_length": "5", "longest": "6"})


def test_the_environment_sets_only_what_declares_a_variable() -> None:
    assert options.from_environment(Example, {"EXAMPLE_TEXT": "body", "max_length": "5"}) == Example(text_column="body")
    assert options.from_environment(Example, {"EXAMPLE_TEXT": ""}) == Example()


@given(st.text(alphabet=string.printable))
def test_any_text_after_an_equals_sign_arrives_intact(text: str) -> None:
    quoted = len(text) >= 2 and text[0] == text[-1] == '"'
    if not quoted and text.lower() not in ("none", "null"):
        assert options.from_flags(Example, [f"--text-column={text}"]).text_column == text
