"""Client of multi-model-server's management API (HTTP): registers and unregisters models, waits until it is up.

Batch size and batch delay can be set only for a model that is registered by this API
(docs/management_api.md of multi-model-server).
"""

from __future__ import annotations

import asyncio
import json
import logging

import aiohttp

from inference.options import ServingOptions

HANDLER = "inference.worker.handler:handle"

log = logging.getLogger(__name__)


class WorkerEndedError(Exception):
    """A worker ended before it had loaded its model."""


async def wait_until_up(session: aiohttp.ClientSession, interval: float = 0.05) -> None:
    """Wait until the management API accepts connections."""
    while True:
        try:
            async with session.get("/models"):
                return
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(interval)


async def register(session: aiohttp.ClientSession, options: ServingOptions, name: str, workers: int) -> None:
    """Register the stub folder `name` as a model; returns when all its workers have loaded the model.

    Raises:
        WorkerEndedError: a worker ended before it had loaded the model.
    """
    parameters: dict[str, str | int] = {
        "url": name,
        "model_name": name,
        "handler": HANDLER,
        "batch_size": options.batch_size,
        "max_batch_delay": options.batch_delay_ms,
        "initial_workers": workers,
        "synchronous": "true",
    }
    async with session.post("/models", params=parameters) as response:
        if response.status != 200:
            raise WorkerEndedError(reason(await response.text()))


async def unregister(session: aiohttp.ClientSession, name: str) -> None:
    """Unregister the model `name`, which ends its workers; a model that is not registered is ignored."""
    async with session.delete(f"/models/{name}") as response:
        if response.status not in (200, 404):
            log.error("multi-model-server: %d %s", response.status, reason(await response.text()))


def reason(body: str) -> str:
    """The message of an error response of multi-model-server; the whole body if it is not the expected JSON."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.strip()
