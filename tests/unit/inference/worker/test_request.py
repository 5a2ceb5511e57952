from __future__ import annotations

import pytest

from inference.errors import RequestError
from inference.worker.request import Request, Text, check_count, read_content


def test_what_a_teams_input_fn_returns_is_read() -> None:
    assert read_content("a").texts == read_content(["a"]).texts == [Text("a")]
    assert read_content({"text": "a", "text_pair": "b"}).texts == [Text("a", "b")]


def test_a_pair_is_accepted_wherever_a_text_is() -> None:
    pair = {"text": "a", "text_pair": "b"}
    for content in ({"inputs": pair}, {"inputs": [pair]}, {"instances": [pair]}, {"instances": [{"inputs": pair}]}):
        assert read_content(content).texts == [Text("a", "b")]


def test_texts_and_pairs_may_be_lists_as_in_tei() -> None:
    assert read_content({"inputs": [["a"], ["a", "b"]]}).texts == [Text("a"), Text("a", "b")]
    assert read_content({"inputs": "a", "raw_scores": True}).parameters.function == "none"
    for value in ([], ["a", "b", "c"], ["a", 1], [["a"]]):
        with pytest.raises(RequestError, match="inputs\\[0\\] is a list, expected one of one or two texts"):
            read_content({"inputs": [value]})


def test_a_parameter_beside_the_texts_is_refused() -> None:
    for content in ({"inputs": "a", "top_k": None}, {"instances": ["a"], "top_k": 2}):
        with pytest.raises(RequestError, match="the body has top_k beside the texts, expected it in parameters"):
            read_content(content)
    # What the Hugging Face API takes there, and parameters that change no answer.
    assert read_content({"inputs": "a", "options": {"use_cache": False}, "batch_size": 8}).texts == [Text("a")]


def test_inputs_beside_instances_are_refused() -> None:
    with pytest.raises(RequestError, match=r"^the body has inputs and instances, expected one of them$"):
        read_content({"inputs": "a", "instances": ["b"]})


@pytest.mark.parametrize(("count", "status"), [(0, 400), (2, 413)])
def test_too_many_texts_are_413_and_none_400(count: int, status: int) -> None:
    with pytest.raises(RequestError) as caught:
        check_count(Request([Text("a")] * count), most=1)
    assert caught.value.status == status
