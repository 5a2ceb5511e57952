"""The aiohttp application on port 8080 for one model: /ping and /invocations.

Multi-model-server does not meet SageMaker's contract by itself. It answers /ping with 200 while a
model is still loading; it routes /invocations only to models named at its start, for which no batch
size can be set; on SIGTERM it ends without finishing requests; its errors have another format. So it
listens on a Unix socket, and this application in front of it ("the front") forwards /invocations,
answers /ping with 200 only while a ready worker is alive, returns every error as JSON
(inference/errors.py), and on SIGTERM finishes the requests in flight.
"""

from __future__ import annotations

import logging
import os
from http import HTTPStatus

from aiohttp import web
from aiohttp.http import HttpProcessingError

from contract.failures import UserError
from inference.errors import RequestError
from inference.options import ServingOptions
from inference.server.middleware import errors_as_json
from inference.server.served_model import ServedModel

# SageMaker kills the container 30 s after SIGTERM.
FINISH_SECONDS = 20.0
CLIENT_ERRORS = (HttpProcessingError, web.RequestPayloadError, ConnectionError)


class SingleModel:
    """The routes /ping and /invocations of an endpoint with one model."""

    def __init__(self, model: ServedModel) -> None:
        self._model = model

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/ping", self.ping), web.post("/invocations", self.invocations)]

    async def load(self) -> None:
        """Load the model.

        Raises:
            UserError: the model cannot load.
        """
        await self._model.load()

    async def follow(self) -> None:
        """Open or close the proxy as the model's workers start and end; called at regular intervals.

        Raises:
            UserError: the model can no longer be served.
        """
        self._model.follow()

    def close(self) -> None:
        """Answer the requests in flight with 503."""
        self._model.proxy.close()

    async def ping(self, _: web.Request) -> web.StreamResponse:
        """GET /ping: 200 while a ready worker is alive, else 503."""
        if not self._model.proxy.is_open:
            raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "the model is not loaded yet")
        return web.Response()

    async def invocations(self, request: web.Request) -> web.StreamResponse:
        """POST /invocations: forward the request to the model's workers."""
        return await self._model.proxy.forward(request)


def is_server_error(record: logging.LogRecord) -> bool:
    """Log filter: False for errors of clients, which close the connection or send invalid HTTP.

    The traceback of invalid HTTP would quote the client's data.
    """
    return not (record.exc_info and isinstance(record.exc_info[1], CLIENT_ERRORS))


async def listen(routes: list[web.RouteDef], options: ServingOptions) -> web.AppRunner:
    """Start listening on the public port.

    Returns:
        The runner; its `cleanup` closes the port and waits for the requests in flight.

    Raises:
        UserError: the port cannot be opened.
    """
    application = web.Application(middlewares=[errors_as_json], client_max_size=options.max_bytes)
    application.add_routes(routes)
    logging.getLogger("aiohttp.server").addFilter(is_server_error)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=FINISH_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, "0.0.0.0", options.port).start()  # noqa: S104 - the container's one port
    except OSError as error:
        await runner.cleanup()
        raise UserError(
            f"port {options.port} cannot be opened: {os.strerror(error.errno or 0)}; "
            "SAGEMAKER_BIND_TO_PORT sets another port"
        ) from None
    return runner
