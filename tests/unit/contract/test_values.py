import json
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.failures import UserError
from contract.values import convert


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("True", bool, True),
        ("false", bool, False),
        ('"False"', bool, False),
        (1, bool, True),
        ("3", int, 3),
        ('"3"', int, 3),
        ("1e3", int, 1000),
        ("16.0", int, 16),
        ("9007199254740993", int, 9007199254740993),
        ("2e-5", float, 2e-5),
        ("", str, ""),
        ("none", str | None, None),
        ("", str | None, ""),
        ("", int | None, None),
        ("None", float | None, None),
        ("7", int | str, 7),
        ("steps", int | str, "steps"),
        ("b", Literal["a", "b"], "b"),
        ("/x", Path, Path("/x")),
        ("a, b", tuple[str, ...], ("a", "b")),
        ('["a, b", "c"]', tuple[str, ...], ("a, b", "c")),
        ("0.8,0.1,0.1", tuple[float, ...], (0.8, 0.1, 0.1)),
        ('{"a": 1}', dict[str, Any], {"a": 1}),
        ("['a', \"b's\"]", tuple[str, ...], ("a", "b's")),
        ("{'a': 1, 'b': True, 'c': None}", dict[str, Any], {"a": 1, "b": True, "c": None}),
        (r"['\d']", tuple[str, ...], (r"\d",)),
        ({"a": 1}, dict, {"a": 1}),
    ],
)
def test_text_becomes_the_declared_type(value: object, kind: object, expected: object) -> None:
    converted = convert(value, kind, "option")
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        ("maybe", bool, "true or false"),
        ("2", bool, "true or false"),
        ("1.5", int, "a whole number"),
        ("inf", int, "a whole number"),
        ("", int, "a whole number"),
        ("x", float, "a number"),
        ("c", Literal["a", "b"], "one of a, b"),
        ("[1", tuple[int, ...], "a list"),
        ("[1]", dict, "a JSON object"),
        ("{'a': __import__('os').getcwd()}", dict, "a JSON object"),
        ("{", dict, "a JSON object"),
        ("x", int | None, "a whole number or none"),
        ("", Path, "a path"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(value: object, kind: object, words: str) -> None:
    with pytest.raises(UserError) as error:
        convert(value, kind, "option --x")
    assert str(error.value).startswith(f"option --x is {value!r}, expected {words}")


@given(st.text().filter(lambda text: not (len(text) >= 2 and text[0] == text[-1] == '"')))
def test_text_arrives_intact_raw_and_json_quoted(text: str) -> None:
    assert convert(text, str, "x") == text
    assert convert(json.dumps(text), str, "x") == text


@given(st.integers())
def test_whole_numbers_keep_every_digit(number: int) -> None:
    assert convert(str(number), int, "x") == number


def test_brackets_beyond_what_a_parser_takes_are_no_list() -> None:
    with pytest.raises(UserError, match="expected a list"):
        convert(200_000 * "[", tuple[int, ...], "option x")
