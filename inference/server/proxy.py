"""The proxy from the front to multi-model-server: forwards body and headers, checks limits, 503 without a worker."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp import web

from inference.content_types import media_type
from inference.continuation import HEADERS, Parts
from inference.envelope import unpack
from inference.errors import RequestError, bad_request
from inference.metrics import ARRIVED_HEADER
from inference.server.mms_management import reason

# Hop-by-hop headers (RFC 9110, 7.6.1) and headers that the client of the next hop computes.
NOT_FORWARDED = frozenset(
    {"connection", "content-encoding", "content-length", "expect", "host", "keep-alive", "transfer-encoding", "te"}
    | {"proxy-connection", "trailer", "upgrade", ARRIVED_HEADER, *HEADERS}
)
# Multi-model-server's HTTP codec rejects messages with more than 8,192 bytes of headers.
MOST_HEADER_BYTES = 7_168
# Content types whose bodies multi-model-server parses instead of passing them to a worker.
FORMS = ("multipart/", "application/x-www-form-urlencoded")
# Headers of a worker's response that are returned to the caller.
RETURNED = ("content-type", "x-amzn-sagemaker-custom-attributes")
# Header with multi-model-server's request id, which the worker's log and errors have too.
ID_HEADER = "x-request-id"
# Headers that aiohttp's client would add; the worker must get only those that the caller sent.
CLIENT_HEADERS = ("accept", "accept-encoding", "content-type", "user-agent")

log = logging.getLogger(__name__)


class Proxy:
    """Forwards requests to the model that is registered with multi-model-server as `key`.

    Args:
        session: HTTP client for multi-model-server's address.
        key: the model's name at multi-model-server.
    """

    def __init__(self, session: aiohttp.ClientSession, key: str) -> None:
        self._session, self._url = session, f"/predictions/{key}"
        self._closed = asyncio.Event()
        self._idle = asyncio.Event()
        self._closed.set()
        self._idle.set()
        self._running = 0
        self._keys = itertools.count()

    @property
    def is_open(self) -> bool:
        """Whether requests are forwarded: a ready worker is alive."""
        return not self._closed.is_set()

    def open(self) -> None:
        """Forward requests from now on: a ready worker is alive."""
        self._closed.clear()

    def close(self) -> None:
        """Answer requests with 503 from now on, those in flight included: no worker is alive."""
        self._closed.set()

    async def idle(self) -> None:
        """Wait until no request is in flight."""
        await self._idle.wait()

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """Forward a request and return the worker's response unchanged, its 4xx included.

        Raises:
            RequestError: 503 if no worker responds, 4xx for requests that multi-model-server cannot forward.
        """
        if not self.is_open:
            raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "the model is not loaded yet; try again")
        body, headers = await read_body(request), forwarded_headers(request)
        self._running += 1
        self._idle.clear()
        try:
            return await self._unless_closed(self._post_until_complete(body, headers))
        except (TimeoutError, aiohttp.ClientError) as error:
            log.error("multi-model-server did not respond: %s", error)
            raise no_worker() from None
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    async def _post_until_complete(self, body: bytes, headers: list[tuple[str, str]]) -> web.StreamResponse:
        """Post the request, and its continuations until its response is complete (inference/continuation.py)."""
        parts = Parts(next(self._keys))
        while True:
            own = [*parts.headers(), (ARRIVED_HEADER, f"{time.monotonic():.4f}")]
            async with self._session.post(
                self._url, data=parts.body(body), headers=[*headers, *own], skip_auto_headers=CLIENT_HEADERS
            ) as response:
                status, returned, content = await unwrapped(response)
                whole = parts.add(returned, content)
                if whole is not None:
                    kept = {name: value for name, value in returned.items() if name in RETURNED}
                    return web.Response(
                        status=status, body=whole, headers={**kept, ID_HEADER: response.headers[ID_HEADER]}
                    )

    async def _unless_closed(self, post: Coroutine[Any, Any, web.StreamResponse]) -> web.StreamResponse:
        """Await the response of `post`; raises RequestError (503) as soon as the proxy is closed."""
        response, closed = asyncio.create_task(post), asyncio.create_task(self._closed.wait())
        try:
            await asyncio.wait({response, closed}, return_when=asyncio.FIRST_COMPLETED)
            if response.done():
                return response.result()
            raise no_worker()
        finally:
            response.cancel()
            closed.cancel()


def no_worker() -> RequestError:
    """The error of a request to which no worker responds: status 503."""
    return RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "no worker responded; try again")


async def read_body(request: web.Request) -> bytes:
    """Read the whole body of a request, decompressed.

    Raises:
        RequestError: 415 for a form; 400 if the body cannot be decoded by its content-encoding.
    """
    if media_type(request.headers.get("content-type")).startswith(FORMS):
        raise RequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "forms are not supported, expected application/json")
    try:
        return await request.read()
    except web.RequestPayloadError:
        raise bad_request("the body cannot be decoded by its content-encoding or transfer-encoding") from None


def forwarded_headers(request: web.Request) -> list[tuple[str, str]]:
    """The headers to forward to the worker, without those that the front itself sets.

    Bytes that are not UTF-8, which aiohttp cannot send, become `?`.

    Raises:
        RequestError: 431, the headers are too large for multi-model-server.
    """
    headers = [
        (name, value.encode("utf-8", "replace").decode("utf-8"))
        for name, value in request.headers.items()
        if name.lower() not in NOT_FORWARDED
    ]
    size = sum(len(name) + len(value.encode()) + len(": \r\n") for name, value in headers)
    if size > MOST_HEADER_BYTES:
        raise RequestError(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"the headers are {size:,} bytes, expected at most {MOST_HEADER_BYTES:,}",
        )
    return headers


async def unwrapped(response: aiohttp.ClientResponse) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the worker's response, out of its envelope (inference/envelope.py).

    Raises:
        RequestError: 503, the response is multi-model-server's own error: it has no worker, or the worker ended.
    """
    data = await response.read()
    unpacked = unpack(data)
    if unpacked is None:
        log.error("multi-model-server: %d %s", response.status, reason(data.decode("utf-8", "replace")))
        raise no_worker()
    return unpacked
