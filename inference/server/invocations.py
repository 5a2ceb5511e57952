"""An invocation: reads a caller's request, passes it to a worker of the model, and returns the worker's response."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from http import HTTPStatus

from aiohttp import web

from inference.content_types import media_type
from inference.errors import RequestError, bad_request
from inference.metrics import ARRIVED_HEADER
from inference.server.content_encoding import decompress
from inference.server.middleware import REQUEST_ID_HEADER
from inference.server.served_model import BusyError, ServedModel
from inference.server.worker_process import WorkerEndedError

# Headers of this connection alone (RFC 9110, 7.6.1), and those that no longer hold for the body that was read.
NOT_PASSED_ON = frozenset(
    {"connection", "content-encoding", "content-length", "expect", "host", "keep-alive", "transfer-encoding", "te"}
    | {"proxy-connection", "trailer", "upgrade", ARRIVED_HEADER}
)
# Below the 8,190 bytes for a single field above which aiohttp refuses a request with status 400.
MOST_HEADER_BYTES = 7_168
# Content types of forms, which no model takes.
FORMS = ("multipart/", "application/x-www-form-urlencoded")
# Headers of a worker's response that are returned to the caller.
RETURNED = ("content-type", "x-amzn-sagemaker-custom-attributes")

log = logging.getLogger(__name__)


async def invoke(model: ServedModel, request: web.Request) -> web.Response:
    """Pass a request to a worker of `model` and return its response unchanged, its 4xx included.

    Raises:
        RequestError: 503 if no worker responds, 4xx if the body cannot be read.
    """
    if not model.is_ready:
        raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "the model is not loaded yet; try again")
    body = await read_body(request)
    request_id = str(uuid.uuid4())
    try:
        answer = await model.ask({"id": request_id, "headers": headers_of(request)}, body)
    except BusyError as error:
        raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from None
    except WorkerEndedError:
        log.error("request %s: its worker ended", request_id)
        raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "no worker responded; try again") from None
    headers = {name: value for name, value in answer.fields["headers"].items() if name in RETURNED}
    return web.Response(
        status=answer.fields["status"], body=answer.body, headers={**headers, REQUEST_ID_HEADER: request_id}
    )


async def read_body(request: web.Request) -> bytes:
    """Read the whole body of a request, decompressed.

    Raises:
        RequestError: 415 for a form or an unknown content-encoding; 413 if the body is too large; 400 if it cannot be
            decoded by its content-encoding.
    """
    if media_type(request.headers.get("content-type")).startswith(FORMS):
        raise RequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "forms are not supported, expected application/json")
    try:
        body = await request.read()
    except web.RequestPayloadError:
        raise bad_request("the body cannot be decoded by its transfer-encoding") from None
    if encoding := request.headers.get("content-encoding"):
        # In a thread, so that other requests do not wait.
        return await asyncio.to_thread(decompress, body, encoding, request.client_max_size)
    return body


def headers_of(request: web.Request) -> dict[str, str]:
    """The headers for the worker, with names in lower case, and ARRIVED_HEADER with the current time.

    Bytes that are not UTF-8 become `?`.

    Raises:
        RequestError: 431, the headers are too large.
    """
    headers = {name.lower(): value.encode("utf-8", "replace").decode() for name, value in request.headers.items()}
    passed_on = {name: value for name, value in headers.items() if name not in NOT_PASSED_ON}
    size = sum(len(name) + len(value.encode()) + len(": \r\n") for name, value in passed_on.items())
    if size > MOST_HEADER_BYTES:
        raise RequestError(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"the headers are {size:,} bytes, expected at most {MOST_HEADER_BYTES:,}",
        )
    return {**passed_on, ARRIVED_HEADER: f"{time.monotonic():.4f}"}
