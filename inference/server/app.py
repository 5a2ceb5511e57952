"""The aiohttp application on port 8080 for one model: /ping and /invocations.

/ping answers 200 only while a ready worker is alive, every error is JSON (inference/errors.py), and
on SIGTERM the requests in flight are finished. So SageMaker's contract for inference containers is
met by this process; workers, which may crash, only compute.
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
from inference.server.invocations import invoke
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
        """Replace workers that have ended; called at regular intervals.

        Raises:
            UserError: the model can no longer be served.
        """
        self._model.follow()

    def close(self) -> None:
        """Kill the workers; requests in flight get 503."""
        self._model.close()

    def worker_pids(self) -> set[int]:
        """PIDs of the workers."""
        return self._model.worker_pids

    async def ping(self, _: web.Request) -> web.StreamResponse:
        """GET /ping: 200 while a ready worker is alive, else 503."""
        if not self._model.is_ready:
            raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "the model is not loaded yet")
        return web.Response()

    async def invocations(self, request: web.Request) -> web.StreamResponse:
        """POST /invocations: pass the request to a worker."""
        return await invoke(self._model, request)


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
    # Bodies are decompressed by inference/server/content_encoding.py.
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=FINISH_SECONDS, auto_decompress=False)
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
