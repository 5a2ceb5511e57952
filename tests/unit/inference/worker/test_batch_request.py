from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from mms.context import Context, RequestProcessor
from mms.service import PredictionException
from sagemaker_inference.errors import GenericInferenceToolkitError

from inference.errors import RequestError, bad_request
from inference.options import ServingOptions
from inference.worker.batch_handler import BatchHandler
from inference.worker.batch_request import BatchRequest, as_bytes
from inference.worker.progress import Progress
from inference.worker.request import Request, Text
from inference.worker.tokenization import Encoded
from inference.worker.user_code import UserFunctions


@pytest.fixture
def entry() -> BatchRequest:
    context = Context("model", "", None, 1, None, "")
    context.request_ids = {0: "id-0"}
    context.request_processor = [RequestProcessor({"body": {"content-type": None}, "Content-Type": "text/csv"})]
    return BatchRequest(0, context, {"body": bytearray(b"a,b")})


def finished(entry: BatchRequest) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the response."""
    body = entry.finish()
    return entry.context.get_response_status(0)[0], entry.context.get_response_headers(0), body


def failing(error: Exception) -> Callable[[BatchRequest], None]:
    def step(_: BatchRequest) -> None:
        raise error

    return step


def test_a_request_is_read_from_multi_model_servers_context(entry: BatchRequest) -> None:
    assert entry.payload == b"a,b"
    assert entry.content_type == "text/csv"
    entry.data = {"field": b"form"}
    with pytest.raises(RequestError, match="forms are not supported"):
        _ = entry.payload


@pytest.mark.parametrize(("kind", "expected"), [("application/json", b"str"), ("text/csv", b"str"), ("a/b", b"bytes")])
def test_a_teams_functions_get_json_and_csv_as_text(entry: BatchRequest, kind: str, expected: bytes) -> None:
    entry.context.request_processor = [RequestProcessor({"Content-Type": kind})]
    reading = UserFunctions(input_fn=lambda body, _: type(body).__name__, predict_fn=lambda data, _: data)
    whole = UserFunctions(transform_fn=lambda _model, body, _kind, _accept: type(body).__name__)
    for functions in (reading, whole):
        (body,) = BatchHandler("model", ServingOptions(), functions).respond([entry.data], entry.context)
        assert body.strip(b'"') == expected


def test_csv_that_is_not_utf8_is_an_error_for_a_teams_functions_too(entry: BatchRequest) -> None:
    assert entry.content == "a,b"
    entry.data = {"body": b"\xff"}
    with pytest.raises(RequestError, match="the body is not UTF-8 text"):
        _ = entry.content


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (bad_request("what it was"), 400, "what it was"),
        (GenericInferenceToolkitError(409, "the team's"), 409, "the team's"),
        (PredictionException("of the server's kind", 418), 418, "of the server's kind"),
        (PredictionException("no status", 42), 500, "the server failed"),
        (ValueError("secret"), 500, "the server failed"),
    ],
)
def test_an_exception_becomes_only_this_requests_error(
    entry: BatchRequest, error: Exception, status: int, message: str
) -> None:
    entry.guard(failing(error))
    found, headers, body = finished(entry)
    assert found == status
    assert headers == {"content-type": "application/json"}
    content = json.loads(body)["error"]
    assert message in content["message"]
    assert content["request_id"] == "id-0"
    assert b"secret" not in body


def test_truncated_texts_are_counted_in_a_header(entry: BatchRequest) -> None:
    entry.progress = Progress(Request([Text("a")] * 3))
    entry.progress.set_rows([Encoded([1], [0], truncated) for truncated in (True, False, True)])
    assert finished(entry)[1]["x-amzn-sagemaker-custom-attributes"] == "truncated=2"


def test_status_and_headers_that_a_teams_code_sets_in_the_context_are_kept(entry: BatchRequest) -> None:
    entry.context.set_response_status(206, "Partial", 0)
    entry.context.set_response_content_type(0, "text/html")
    entry.body = "<p>"
    assert finished(entry) == (206, {"content-type": "text/html"}, b"<p>")


def test_an_error_has_no_header_that_a_teams_code_set(entry: BatchRequest) -> None:
    entry.context.set_response_header(0, "x-amzn-sagemaker-custom-attributes", "partial")
    entry.guard(failing(bad_request("what it was")))
    assert finished(entry)[1] == {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b"\x00", b"\x00"), (bytearray(b"a"), b"a"), ("\u00e9", b"\xc3\xa9"), ({"a": [1]}, b'{"a": [1]}')],
)
def test_a_body_becomes_bytes(body: Any, expected: bytes) -> None:
    assert as_bytes(body) == expected


@pytest.mark.parametrize("body", [{1, 2}, object()])
def test_a_body_that_json_cannot_encode_is_an_error(entry: BatchRequest, body: Any) -> None:
    entry.body = body
    status, _, content = finished(entry)
    assert status == 500
    assert json.loads(content)["error"]["code"] == "internal_server_error"
