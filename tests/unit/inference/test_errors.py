from __future__ import annotations

import json
from http import HTTPStatus

from inference.errors import RequestError, bad_request, error_body


def test_the_body_names_code_message_and_request() -> None:
    assert json.loads(error_body(bad_request("inputs is missing"), "id-1")) == {
        "error": {"code": "bad_request", "message": "inputs is missing", "request_id": "id-1"}
    }
    body = json.loads(error_body(RequestError(HTTPStatus.NOT_ACCEPTABLE, "no"), "id-2"))
    assert body["error"]["code"] == "not_acceptable"
