"""The HTTP front: what SageMaker talks to, on one port.

Multi-model-server answers /ping with 200 while a model is still loading, sends /invocations
only to models named at its start, which have no batch size, ends on SIGTERM without finishing
requests, and words its own errors in a shape of its own. So it listens on a Unix socket and
this front forwards /invocations to it, says 200 to /ping only while a warm worker lives, turns
every error into our JSON, and on SIGTERM finishes what runs.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp import web

from inference.errors import RequestError, error_body
from inference.management import MODEL_NAME, reason
from inference.options import ServingOptions

# Hop-by-hop headers (RFC 9110, 7.6.1) and those that the next hop computes.
NOT_FORWARDED = frozenset(
    {"connection", "content-encoding", "content-length", "expect", "host", "keep-alive", "transfer-encoding", "te"}
)
# Headers of multi-model-server's answers that the caller has a use for.
RETURNED = ("content-type", "x-request-id", "x-amzn-sagemaker-custom-attributes")
# Headers that aiohttp's client would add; the worker must see what the caller sent, and no more.
CLIENT_HEADERS = ("accept", "accept-encoding", "content-type", "user-agent")
REQUEST_ID_HEADER = "x-request-id"

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Front:
    """The two routes of the SageMaker contract.

    Args:
        options: limits.
        session: HTTP client whose connections end at multi-model-server's socket.
        is_ready: whether a warm worker lives.
    """

    def __init__(self, options: ServingOptions, session: aiohttp.ClientSession, is_ready: Callable[[], bool]) -> None:
        self._options, self._session, self._is_ready = options, session, is_ready
        self._lost = asyncio.Event()

    def application(self) -> web.Application:
        """The aiohttp application; bodies above the limit get 413."""
        application = web.Application(middlewares=[errors_as_json], client_max_size=self._options.max_bytes)
        application.router.add_get("/ping", self.ping)
        application.router.add_post("/invocations", self.invocations)
        return application

    async def ping(self, _: web.Request) -> web.StreamResponse:
        """200 while a warm worker lives, else 503."""
        if not self._is_ready():
            raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "the model is not loaded yet")
        return web.Response()

    async def invocations(self, request: web.Request) -> web.StreamResponse:
        """Forward to the model's workers. Their answers, 4xx included, go back as they are."""
        if not self._is_ready():
            raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "the model is not loaded yet")
        body = await request.read()
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in NOT_FORWARDED]
        try:
            return await self._or_lost(self._forward(body, headers))
        except (TimeoutError, aiohttp.ClientError) as error:
            log.error("multi-model-server did not answer: %s", error)
            raise no_worker() from None

    async def _forward(self, body: bytes, headers: list[tuple[str, str]]) -> web.StreamResponse:
        url = f"/predictions/{MODEL_NAME}"
        async with self._session.post(url, data=body, headers=headers, skip_auto_headers=CLIENT_HEADERS) as answer:
            return await returned(answer)

    async def _or_lost(self, forwarded: Coroutine[Any, Any, web.StreamResponse]) -> web.StreamResponse:
        """The answer, or 503 as soon as `drop` says that none will come."""
        answer, lost = asyncio.create_task(forwarded), asyncio.create_task(self._lost.wait())
        try:
            await asyncio.wait({answer, lost}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            raise no_worker()
        finally:
            answer.cancel()
            lost.cancel()

    def drop(self) -> None:
        """Answer every request that waits for a worker with 503: the worker is dead."""
        self._lost.set()
        self._lost = asyncio.Event()


def no_worker() -> RequestError:
    return RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "no worker answered; try again")


async def returned(answer: aiohttp.ClientResponse) -> web.Response:
    """The worker's answer for the caller.

    Raises:
        RequestError: the answer is multi-model-server's own: no worker, or a worker that died.
    """
    body = await answer.read()
    headers = {name: answer.headers[name] for name in RETURNED if name in answer.headers}
    if answer.status >= 400 and not body.startswith(b'{"error"'):
        log.error("multi-model-server: %d %s", answer.status, reason(body.decode("utf-8", "replace")))
        raise no_worker()
    return web.Response(status=answer.status, body=body, headers=headers)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error in our shape, with an id that the log has too."""
    try:
        return await handler(request)
    except RequestError as error:
        return error_response(error)
    except web.HTTPRequestEntityTooLarge as error:
        return error_response(RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error.text)))
    except web.HTTPException as error:
        return error_response(RequestError(HTTPStatus(error.status), str(error.reason).lower()))


def error_response(error: RequestError) -> web.Response:
    request_id = str(uuid.uuid4())
    if error.status >= 500 and error.status != HTTPStatus.SERVICE_UNAVAILABLE:
        log.error("request %s: %s", request_id, error.message)
    return web.Response(
        status=error.status,
        text=error_body(error, request_id),
        content_type="application/json",
        headers={REQUEST_ID_HEADER: request_id},
    )
