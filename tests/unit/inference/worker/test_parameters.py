from __future__ import annotations

from typing import Any

import pytest

from inference.errors import RequestError
from inference.worker.parameters import Parameters


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
    ],
)
def test_the_pipelines_parameters(content: Any, expected: Parameters) -> None:
    assert Parameters.read(content) == expected


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
