from __future__ import annotations

from typing import Any

import pytest

from inference.errors import RequestError
from inference.worker.parameters import Parameters, with_tei_fields


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, Parameters()),
        ({"top_k": 3}, Parameters(top_k=3, top_k_given=True)),
        ({"top_k": None}, Parameters(top_k=None, top_k_given=True)),
        ({"return_all_scores": True}, Parameters(top_k=None, top_k_given=True)),
        ({"return_all_scores": False}, Parameters()),
        ({"function_to_apply": "Sigmoid"}, Parameters(function="sigmoid")),
        ({"function_to_apply": "default"}, Parameters()),
        ({"truncation": False}, Parameters(truncation=False)),
        ({"truncation": "longest_first", "padding": True}, Parameters()),
        ({"max_length": 7}, Parameters(max_length=7)),
        ({"batch_size": 8, "num_workers": 2, "padding": "longest"}, Parameters()),
    ],
)
def test_the_pipelines_parameters(content: Any, expected: Parameters) -> None:
    assert Parameters.read(content) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"raw_scores": True, "truncate": False}, {"function_to_apply": "none", "truncation": False}),
        ({"raw_scores": True, "parameters": {"top_k": 2}}, {"function_to_apply": "none", "top_k": 2}),
        ({"raw_scores": False, "truncate": True, "truncation_direction": "Right"}, {"truncation": True}),
        ({"raw_scores": None, "parameters": None}, None),
    ],
)
def test_the_fields_of_tei_become_parameters(content: dict[str, Any], expected: Any) -> None:
    assert with_tei_fields(content) == expected


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"raw_scores": 1}, "raw_scores is not true or false"),
        ({"truncate": "yes"}, "truncate is not true or false"),
        ({"truncation_direction": "Left"}, "truncation_direction is not Right"),
        ({"truncate": False, "parameters": {"truncation": True}}, "parameters.truncation and a field beside inputs"),
    ],
)
def test_a_field_of_tei_that_cannot_be_followed_is_400(content: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence) as caught:
        with_tei_fields(content)
    assert caught.value.status == 400


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan"), True, "0.5", [0.5]])
def test_a_threshold_is_a_probability(value: Any) -> None:
    with pytest.raises(RequestError, match="^parameters.threshold is not a number from 0 to 1, or null for none$"):
        Parameters.read({"threshold": value})


@pytest.mark.parametrize(
    "content",
    [
        [],
        "top_k",
        {"topk": 1},
        {"top_k": 0},
        {"top_k": True},
        {"top_k": "1"},
        {"top_k": 1.0},
        {"function_to_apply": "relu"},
        {"function_to_apply": []},
        {"truncation": 1.5},
        {"truncation": []},
        {"max_length": -1},
        {"return_all_scores": "yes"},
    ],
)
def test_unknown_parameters_are_400(content: Any) -> None:
    with pytest.raises(RequestError) as caught:
        Parameters.read(content)
    assert caught.value.status == 400


@pytest.mark.parametrize(("name", "hint"), [("topk", ", did you mean top_k?"), ("secret text", "")])
def test_an_unknown_name_is_not_repeated_but_the_closest_named(name: str, hint: str) -> None:
    with pytest.raises(RequestError) as caught:
        Parameters.read({name: 1})
    assert caught.value.message.startswith(f"parameters has an unknown name{hint} (expected some of top_k, ")
    assert name not in caught.value.message
