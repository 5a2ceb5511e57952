"""The aiohttp application on port 8080 for one model: /ping and /invocations.

Multi-model-server answers /ping with 200 while a model is still loading, sends /invocations
only to models named at its start, which have no batch size, ends on SIGTERM without finishing
requests, and words its own errors in a shape of its own. So it listens on a Unix socket and
this front forwards /invocations to it, says 200 to /ping only while a warm worker lives, turns
every error into our JSON, and on SIGTERM finishes what runs.
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
CALLERS_FAULTS = (HttpProcessingError, web.RequestPayloadError, ConnectionError)


class SingleModel:
    """The two routes of the SageMaker contract, and the one model behind them."""

    def __init__(self, model: ServedModel) -> None:
        self._model = model

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/ping", self.ping), web.post("/invocations", self.invocations)]

    async def load(self) -> None:
        """Load the model. Raises UserError where it cannot be."""
        await self._model.load()

    async def follow(self) -> None:
        """Follow the model's workers. Raises UserError where it cannot be served any more."""
        self._model.follow()

    def close(self) -> None:
        """Give up the requests that run."""
        self._model.proxy.close()

    async def ping(self, _: web.Request) -> web.StreamResponse:
        """200 while a warm worker lives, else 503."""
        if not self._model.proxy.is_open:
            raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "the model is not loaded yet")
        return web.Response()

    async def invocations(self, request: web.Request) -> web.StreamResponse:
        """Forward to the model's workers."""
        return await self._model.proxy.forward(request)


def is_ours(record: logging.LogRecord) -> bool:
    """False for the tracebacks of callers who hang up, and of messages that are not HTTP, which it would quote."""
    return not (record.exc_info and isinstance(record.exc_info[1], CALLERS_FAULTS))


async def listen(routes: list[web.RouteDef], options: ServingOptions) -> web.AppRunner:
    """Open the public port. `cleanup` of what is returned closes it and waits for the requests that run.

    Raises:
        UserError: the port cannot be opened.
    """
    application = web.Application(middlewares=[errors_as_json], client_max_size=options.max_bytes)
    application.add_routes(routes)
    logging.getLogger("aiohttp.server").addFilter(is_ours)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=FINISH_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, "0.0.0.0", options.port).start()  # noqa: S104 - the container's one port
    except OSError as error:
        await runner.cleanup()
        raise UserError(
            f"port {options.port} cannot be opened: {os.strerror(error.errno or 0)}; "
            "SAGEMAKER_BIND_TO_PORT chooses another"
        ) from None
    return runner
