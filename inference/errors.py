"""RequestError and the JSON error body: status, code, message, request_id.

A response never holds a traceback, a path or the caller's text. Tracebacks go to the log; the
caller's text goes nowhere.
"""

from __future__ import annotations

import json
from http import HTTPStatus


class RequestError(Exception):
    """A request that gets an error response.

    Args:
        status: 4xx for a fault of the request, 5xx for a fault of the server.
        message: one sentence: what the request has and what was expected.
    """

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def bad_request(message: str) -> RequestError:
    """The error of a request whose body or parameters are wrong: status 400."""
    return RequestError(HTTPStatus.BAD_REQUEST, message)


def internal_error() -> RequestError:
    """The error of a request on which the server has a bug: status 500. The log has the traceback with its id."""
    return RequestError(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed on this request; its log has the cause")


def error_code(status: HTTPStatus) -> str:
    """The field `code` of the error body: `bad_request` for 400."""
    return status.name.lower()


def error_body(error: RequestError, request_id: str) -> str:
    """The JSON body: {"error": {"code", "message", "request_id"}}."""
    content = {"code": error_code(error.status), "message": error.message, "request_id": request_id}
    return json.dumps({"error": content}, ensure_ascii=False)


def too_large(most: int) -> RequestError:
    """The error for a body of more than `most` bytes, as it is sent or decompressed."""
    return RequestError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body is larger than {most:,} bytes, the most that SAGEMAKER_MAX_PAYLOAD_IN_MB allows",
    )
