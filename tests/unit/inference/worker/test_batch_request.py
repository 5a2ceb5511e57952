from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from mms.context import Context, RequestProcessor
from mms.service import PredictionException
from sagemaker_inference.errors import GenericInferenceToolkitError

from inference.envelope import unpack
from inference.errors import RequestError, bad_request
from inference.worker.batch_request import Exchange
from inference.worker.tokenization import Encoded


@pytest.fixture
def exchange() -> Exchange:
    context = Context("model", "", None, 1, None, "")
    context.request_ids = {0: "id-0"}
    context.request_processor = [RequestProcessor({"body": {"content-type": None}, "Content-Type": "text/csv"})]
    return Exchange(0, context, {"body": bytearray(b"a,b")})


def finished(exchange: Exchange) -> tuple[int, dict[str, str], bytes]:
    unpacked = unpack(exchange.finish())
    assert unpacked
    return unpacked


def failing(error: Exception) -> Callable[[Exchange], None]:
    def step(_: Exchange) -> None:
        raise error

    return step


def test_a_request_is_read_as_the_server_hands_it_over(exchange: Exchange) -> None:
    assert exchange.payload == b"a,b"
    assert exchange.content_type == "text/csv"
    exchange.data = {"field": b"form"}
    with pytest.raises(RequestError, match="forms are not read"):
        _ = exchange.payload


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
def test_a_failure_is_this_requests_alone(exchange: Exchange, error: Exception, status: int, message: str) -> None:
    exchange.guard(failing(error))
    found, headers, body = finished(exchange)
    assert found == status
    assert headers == {"content-type": "application/json"}
    content = json.loads(body)["error"]
    assert message in content["message"]
    assert content["request_id"] == "id-0"
    assert b"secret" not in body


def test_truncated_texts_are_counted_in_a_header(exchange: Exchange) -> None:
    exchange.rows = [Encoded([1], None, truncated) for truncated in (True, False, True)]
    assert finished(exchange)[1]["x-amzn-sagemaker-custom-attributes"] == "truncated=2"


def test_what_a_team_sets_in_the_context_goes_out_but_not_by_the_server(exchange: Exchange) -> None:
    exchange.context.set_response_status(206, "Partial", 0)
    exchange.context.set_response_content_type(0, "text/html")
    exchange.body = "<p>"
    assert finished(exchange) == (206, {"content-type": "text/html"}, b"<p>")
    assert exchange.context.get_response_headers(0) == {}
    assert exchange.context.get_response_status(0) == (200, "")


@pytest.mark.parametrize("body", [{1, 2}, object()])
def test_an_answer_without_json_is_an_error_of_its_own(exchange: Exchange, body: Any) -> None:
    exchange.body = body
    status, _, content = finished(exchange)
    assert status == 500
    assert json.loads(content)["error"]["code"] == "internal_server_error"
