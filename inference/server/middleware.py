"""aiohttp middleware that returns every error as JSON with a request_id, which the log repeats."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from inference.errors import RequestError, error_body, internal_error, too_large

REQUEST_ID_HEADER = "x-request-id"

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn an exception of a handler into a JSON response; aiohttp would respond with text or HTML."""
    try:
        return await handler(request)
    except RequestError as error:
        return error_response(error)
    except web.HTTPRequestEntityTooLarge:
        return error_response(too_large(request.client_max_size))
    except web.HTTPNotFound as error:
        return error_response(
            RequestError(HTTPStatus.NOT_FOUND, f"not found, expected one of {routes(request)}"), error
        )
    except web.HTTPException as error:
        return error_response(RequestError(HTTPStatus(error.status), str(error.reason).lower()), error)
    except ConnectionError:
        # The client has closed the connection: there is nobody to respond to.
        raise
    except Exception as error:
        return error_response(internal_error(), cause=error)


def routes(request: web.Request) -> str:
    """The routes of the server, such as "GET /ping", separated by commas."""
    found = (
        f"{route.method} {route.resource.canonical}"
        for route in request.app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    )
    return ", ".join(found)


def error_response(
    error: RequestError, http: web.HTTPException | None = None, cause: Exception | None = None
) -> web.Response:
    """The JSON response to an error.

    Args:
        http: aiohttp's exception, whose Allow header is kept.
        cause: a bug, whose traceback is logged.
    """
    request_id = str(uuid.uuid4())
    if cause:
        log.error("request %s failed", request_id, exc_info=cause)
    headers = {REQUEST_ID_HEADER: request_id}
    if http and "Allow" in http.headers:
        headers["Allow"] = http.headers["Allow"]
    return web.Response(
        status=error.status, text=error_body(error, request_id), content_type="application/json", headers=headers
    )
