from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.errors import RequestError
from inference.worker.decoding import decode, decode_content
from inference.worker.parameters import Parameters
from inference.worker.request import Text

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.sampled_from(["inputs", "text", "parameters", "x"]), values),
)


def texts(body: str, kind: str | None) -> list[str]:
    return [text.text for text in decode(body.encode(), kind).texts]


@pytest.mark.parametrize(
    ("content", "expected", "shape"),
    [
        ({"inputs": "a"}, [Text("a")], "list"),
        ({"inputs": ["a", {"text": "b", "text_pair": "c"}]}, [Text("a"), Text("b", "c")], "list"),
        ({"inputs": {"text": "b", "text_pair": "c"}}, [Text("b", "c")], "alone"),
        ({"inputs": "a", "parameters": {"top_k": 2}}, [Text("a")], "alone"),
        ({"instances": ["a", {"inputs": "b"}]}, [Text("a"), Text("b")], "predictions"),
    ],
)
def test_json(content: Any, expected: list[Text], shape: str) -> None:
    for kind in ("application/json", "Application/JSON; charset=utf-8", None, ""):
        request = decode(json.dumps(content).encode(), kind)
        assert (request.texts, request.shape) == (expected, shape)


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1))
def test_json_lines_keep_every_text(values: list[str]) -> None:
    assert (
        texts("\n".join(json.dumps(value, ensure_ascii=False) for value in values), "application/jsonlines") == values
    )
    assert texts("\r\n".join(json.dumps({"inputs": value}) for value in values), "application/x-ndjson") == values


def test_pairs_in_lines() -> None:
    body = '{"text": "a", "text_pair": "b"}\n{"inputs": {"text": "c", "text_pair": "d"}}'
    assert decode(body.encode(), "application/jsonlines").texts == [Text("a", "b"), Text("c", "d")]


def test_lists_are_pairs_in_lines_as_in_json() -> None:
    lines = ['["a", "b"]', '["c"]', '{"inputs": ["d", "e"]}', '{"text": "f", "text_pair": ""}', '"g"']
    expected = [Text("a", "b"), Text("c"), Text("d", "e"), Text("f", ""), Text("g")]
    assert decode("\n".join(lines).encode(), "application/jsonlines").texts == expected
    assert decode(f'{{"inputs": [{", ".join(lines)}]}}'.encode(), None).texts == expected
    with pytest.raises(RequestError, match=r"^line 2 is a list, expected one of one or two texts$"):
        decode(b'["a", "b"]\n["a", "b", "c"]', "application/jsonlines")


def test_parameters_on_lines_hold_for_the_request() -> None:
    lines = ['{"inputs": "a", "parameters": {"top_k": 2}}', '{"inputs": "b", "parameters": {"top_k": 2}}']
    request = decode("\n".join(lines).encode(), "application/jsonlines")
    assert request.parameters == Parameters(top_k=2, top_k_given=True)
    with pytest.raises(RequestError, match="line 3 has other parameters than the first"):
        decode("\n".join([*lines, '"c"']).encode(), "application/jsonlines")


def test_json_lines_sent_as_json_are_named_in_the_error() -> None:
    with pytest.raises(RequestError, match="for several values use application/jsonlines"):
        decode(b'{"inputs": "a"}\n{"inputs": "b"}', "application/json")


def test_plain_text_has_a_record_a_line() -> None:
    assert texts("\ufeffgood\r\n\nbad\n", "text/plain") == ["good", "bad"]


def test_a_teams_function_gets_the_hugging_face_shape() -> None:
    assert decode_content(b'{"inputs": "a", "more": 1}', None) == {"inputs": "a", "more": 1}
    assert decode_content(b"a\nb", "text/plain") == {"inputs": ["a", "b"]}


def test_lone_surrogates_become_question_marks() -> None:
    assert texts('{"inputs": "a\\ud800b"}', None) == ["a?b"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", None, 400),
        (b"[]", None, 400),
        (b"{}", None, 400),
        (b'{"inputs": NaN}', None, 400),
        (b'{"inputs": null}', None, 400),
        (b'{"inputs": [["a", "b", "c"]]}', None, 400),
        (b'{"inputs": {"text": 1}}', None, 400),
        (b"[" * 100_000, None, 400),
        (b'{"inputs": ' + b"9" * 10_000 + b"}", None, 400),
        (b"\xff", None, 400),
        (b'"a"\n{', "application/jsonlines", 400),
        (b"a,b", "text/csv", 400),
        (b'{"inputs": "a", "parameters": 1}', "application/jsonlines", 400),
        (b"{}", "image/png", 415),
    ],
)
def test_invalid_bodies_are_refused(body: bytes, kind: str | None, status: int) -> None:
    with pytest.raises(RequestError) as caught:
        decode(body, kind)
    assert caught.value.status == status


@given(
    st.binary() | ANY_JSON.map(lambda value: json.dumps(value).encode()),
    st.sampled_from([None, "text/csv", "text/plain", "application/jsonlines"]),
)
def test_random_bytes_are_decoded_or_refused(body: bytes, kind: str | None) -> None:
    try:
        request = decode(body, kind)
    except RequestError as error:
        assert error.status == 400
    else:
        for text in request.texts:
            (text.text + (text.pair or "")).encode("utf-8")
