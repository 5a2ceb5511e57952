from __future__ import annotations

import asyncio
import json
import logging

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from inference.errors import bad_request
from inference.server.middleware import errors_as_json


def respond(error: Exception) -> tuple[int, dict[str, str]]:
    async def fail(_: web.Request) -> web.StreamResponse:
        raise error

    answer = asyncio.run(errors_as_json(make_mocked_request("GET", "/"), fail))
    assert isinstance(answer, web.Response)
    assert answer.content_type == "application/json"
    return answer.status, json.loads(answer.text or "")["error"]


def test_a_request_error_becomes_its_status() -> None:
    status, error = respond(bad_request("the body is not JSON"))
    assert (status, error["code"], error["message"]) == (400, "bad_request", "the body is not JSON")


def test_a_bug_is_500_and_its_traceback_is_in_the_log_only(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        status, error = respond(ValueError("secret"))
    assert status == 500
    assert "secret" not in json.dumps(error)
    assert error["request_id"] in caplog.text
    assert "ValueError: secret" in caplog.text


def test_a_closed_connection_gets_no_response() -> None:
    with pytest.raises(ConnectionResetError):
        respond(ConnectionResetError())
