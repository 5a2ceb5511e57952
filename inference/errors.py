"""RequestError and the JSON error body: status, code, message, request_id.

A response never holds a traceback, a path or the caller's text: those belong in the log, or
nowhere.
"""

from __future__ import annotations

import json
from http import HTTPStatus


class RequestError(Exception):
    """A request that cannot be answered.

    Args:
        status: 4xx where the caller can mend it, 5xx where only we can.
        message: one sentence: what was found and what was expected.
    """

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def bad_request(message: str) -> RequestError:
    return RequestError(HTTPStatus.BAD_REQUEST, message)


def internal_error() -> RequestError:
    """What the caller gets for a bug of ours; the log has the traceback under the same id."""
    return RequestError(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed on this request; its log has the cause")


def error_code(status: HTTPStatus) -> str:
    """The status in words: `bad_request` for 400."""
    return status.name.lower()


def error_body(error: RequestError, request_id: str) -> str:
    """The JSON body: {"error": {"code", "message", "request_id"}}."""
    content = {"code": error_code(error.status), "message": error.message, "request_id": request_id}
    return json.dumps({"error": content}, ensure_ascii=False)
