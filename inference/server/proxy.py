"""The proxy from the front to multi-model-server: body, headers and their limits, 503 where no worker answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp import web

from inference.content_types import media_type
from inference.envelope import unpack
from inference.errors import RequestError, bad_request
from inference.metrics import ARRIVED_HEADER
from inference.server.mms_management import reason

# Hop-by-hop headers (RFC 9110, 7.6.1) and those that the next hop computes.
NOT_FORWARDED = frozenset(
    {"connection", "content-encoding", "content-length", "expect", "host", "keep-alive", "transfer-encoding", "te"}
    | {"proxy-connection", "trailer", "upgrade", ARRIVED_HEADER}
)
# Multi-model-server's HTTP codec takes 8,192 bytes of headers and calls more an invalid message.
MOST_HEADER_BYTES = 7_168
# Content types whose bodies multi-model-server takes apart before a worker sees them.
FORMS = ("multipart/", "application/x-www-form-urlencoded")
# Headers of workers' answers that the caller has a use for.
RETURNED = ("content-type", "x-amzn-sagemaker-custom-attributes")
# Multi-model-server's, which the worker's log and errors name too.
ID_HEADER = "x-request-id"
# Headers that aiohttp's client would add; the worker must see what the caller sent, and no more.
CLIENT_HEADERS = ("accept", "accept-encoding", "content-type", "user-agent")

log = logging.getLogger(__name__)


class Proxy:
    """Forwards requests to the model that multi-model-server knows as `key`.

    Args:
        session: HTTP client whose connections end at multi-model-server's address.
        key: the model's name there.
    """

    def __init__(self, session: aiohttp.ClientSession, key: str) -> None:
        self._session, self._url = session, f"/predictions/{key}"
        self._lost = asyncio.Event()
        self._idle = asyncio.Event()
        self._lost.set()
        self._idle.set()
        self._running = 0

    @property
    def is_open(self) -> bool:
        return not self._lost.is_set()

    def open(self) -> None:
        """Let requests through: a warm worker lives."""
        self._lost.clear()

    def close(self) -> None:
        """Let nothing through, and answer what waits for a worker with 503: the worker is dead."""
        self._lost.set()

    async def idle(self) -> None:
        """Return when no request is on its way."""
        await self._idle.wait()

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """The workers' answer, as it is: their 4xx included.

        Raises:
            RequestError: 503 where no worker answers, 4xx for what multi-model-server would not take.
        """
        if not self.is_open:
            raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "the model is not loaded yet; try again")
        body, headers = await read_body(request), forwarded_headers(request)
        self._running += 1
        self._idle.clear()
        try:
            return await self._or_lost(self._post(body, headers))
        except (TimeoutError, aiohttp.ClientError) as error:
            log.error("multi-model-server did not answer: %s", error)
            raise no_worker() from None
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    async def _post(self, body: bytes, headers: list[tuple[str, str]]) -> web.StreamResponse:
        async with self._session.post(
            self._url, data=body, headers=headers, skip_auto_headers=CLIENT_HEADERS
        ) as answer:
            return await returned(answer)

    async def _or_lost(self, posted: Coroutine[Any, Any, web.StreamResponse]) -> web.StreamResponse:
        """The answer, or 503 as soon as `close` says that none will come."""
        answer, lost = asyncio.create_task(posted), asyncio.create_task(self._lost.wait())
        try:
            await asyncio.wait({answer, lost}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            raise no_worker()
        finally:
            answer.cancel()
            lost.cancel()


def no_worker() -> RequestError:
    return RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "no worker answered; try again")


async def read_body(request: web.Request) -> bytes:
    """The whole body, decompressed.

    Raises:
        RequestError: 415 for a form; 400 where it is not what its encoding says.
    """
    if media_type(request.headers.get("content-type")).startswith(FORMS):
        raise RequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "forms are not read, expected application/json")
    try:
        return await request.read()
    except web.RequestPayloadError:
        raise bad_request("the body cannot be read as its content-encoding or transfer-encoding says") from None


def forwarded_headers(request: web.Request) -> list[tuple[str, str]]:
    """The headers that the worker sees, and the time that it is.

    Bytes that are no UTF-8, which aiohttp would not send on, become `?`.

    Raises:
        RequestError: 431, they are too many for multi-model-server.
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
    return [*headers, (ARRIVED_HEADER, f"{time.monotonic():.4f}")]


async def returned(answer: aiohttp.ClientResponse) -> web.Response:
    """The worker's answer for the caller, out of its envelope.

    Raises:
        RequestError: the answer is multi-model-server's own: no worker, or a worker that died.
    """
    data = await answer.read()
    unpacked = unpack(data)
    if unpacked is None:
        log.error("multi-model-server: %d %s", answer.status, reason(data.decode("utf-8", "replace")))
        raise no_worker()
    status, headers, body = unpacked
    known = {name: value for name, value in headers.items() if name in RETURNED}
    return web.Response(status=status, body=body, headers={**known, ID_HEADER: answer.headers[ID_HEADER]})
