"""Multi-model endpoints: the routes /models and /models/{name}/invoke, loading and unloading.

The developer guide ("Contract for custom containers for multi-model endpoints") has the routes,
the fields and the statuses: 404 for a model that is not loaded, 409 for one that is, 507 where
there is no room, on which SageMaker unloads others and tries again.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from contract.failures import UserError
from inference.errors import RequestError, bad_request
from inference.server import memory
from inference.server.app import FINISH_SECONDS
from inference.server.served_model import NoMemoryError, ServedModel

PAGE = 100

log = logging.getLogger(__name__)


class MultiModel:
    """The models that SageMaker has loaded.

    Args:
        root: folder that models are loaded from.
        host: makes the hosted model of a folder.
    """

    def __init__(self, root: Path, host: Callable[[Path], ServedModel]) -> None:
        self._root, self._host = root, host
        self._models: dict[str, ServedModel] = {}
        self._loading: set[str] = set()
        # One at a time: each is judged by the memory that those before it have left.
        self._turn = asyncio.Lock()
        self._up = False

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/ping", self.ping),
            web.get("/models", self.list),
            web.post("/models", self.load_one),
            web.get("/models/{name}", self.describe),
            web.delete("/models/{name}", self.unload_one),
            web.post("/models/{name}/invoke", self.invoke),
        ]

    async def load(self) -> None:
        """Load again what was loaded before the model server was lost."""
        for name, model in list(self._models.items()):
            try:
                await model.load()
            except UserError as error:
                await self._give_up(name, error)
        self._up = True

    async def follow(self) -> None:
        """Follow every model's workers; a model that cannot be served any more is unloaded."""
        for name, model in list(self._models.items()):
            try:
                model.follow()
            except UserError as error:
                await self._give_up(name, error)

    def close(self) -> None:
        """Give up the requests that run."""
        self._up = False
        for model in self._models.values():
            model.proxy.close()

    async def ping(self, _: web.Request) -> web.StreamResponse:
        """200 where models can be loaded."""
        if not self._up:
            raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "the model server is not up yet; try again")
        return web.Response()

    async def list(self, request: web.Request) -> web.StreamResponse:
        """A page of the loaded models, by name; `nextPageToken` where there are more."""
        after = request.query.get("next_page_token", "")
        names = sorted(name for name in self._models if name > after)
        page: dict[str, Any] = {"models": [self._entry(name) for name in names[:PAGE]]}
        if len(names) > PAGE:
            page["nextPageToken"] = names[PAGE - 1]
        return web.json_response(page)

    async def describe(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self._get(name)
        return web.json_response(self._entry(name))

    async def load_one(self, request: web.Request) -> web.StreamResponse:
        """Load {"model_name", "url"}; answers when the model is warm."""
        name, folder = self._order(await request.text())
        if name in self._models or name in self._loading:
            raise RequestError(HTTPStatus.CONFLICT, "the model is loaded already")
        self._loading.add(name)
        try:
            async with self._turn:
                self._models[name] = await self._loaded(name, folder)
        finally:
            self._loading.discard(name)
        log.info("%d model(s) loaded", len(self._models))
        return web.json_response(self._entry(name))

    async def unload_one(self, request: web.Request) -> web.StreamResponse:
        """Unload a model when what runs on it is finished; answers when its memory is free."""
        name = request.match_info["name"]
        model = self._get(name)
        del self._models[name]
        try:
            await asyncio.wait_for(model.proxy.idle(), FINISH_SECONDS)
        except TimeoutError:
            log.error("requests still run on a model that is unloaded: they get 503")
        await model.unload()
        log.info("%d model(s) loaded", len(self._models))
        return web.Response()

    async def invoke(self, request: web.Request) -> web.StreamResponse:
        """Forward to the model's workers."""
        return await self._get(request.match_info["name"]).proxy.forward(request)

    async def _loaded(self, name: str, folder: Path) -> ServedModel:
        """Raises RequestError: 507 where there is no room, 400 where the model cannot be loaded, 503 to try again."""
        memory.check(folder)
        model = self._host(folder)
        try:
            await model.load()
        except UserError as error:
            log.error("%s", error)
            await model.unload()
            no_room = isinstance(error, NoMemoryError)
            status = HTTPStatus.INSUFFICIENT_STORAGE if no_room else HTTPStatus.BAD_REQUEST
            # No paths in answers.
            raise RequestError(status, str(error).replace(str(folder), name)) from None
        except aiohttp.ClientError as error:
            log.error("multi-model-server did not answer: %s", error)
            raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "the model server is not up; try again") from None
        return model

    async def _give_up(self, name: str, error: UserError) -> None:
        log.error("%s; the model is unloaded", error)
        await self._models.pop(name).unload()

    def _get(self, name: str) -> ServedModel:
        if name not in self._models:
            raise RequestError(HTTPStatus.NOT_FOUND, "the model is not loaded")
        return self._models[name]

    def _entry(self, name: str) -> dict[str, str]:
        return {"modelName": name, "modelUrl": str(self._models[name].folder)}

    def _order(self, text: str) -> tuple[str, Path]:
        """Name and folder in the body of a load.

        Raises:
            RequestError: 400, it is something else, or names a folder elsewhere.
        """
        try:
            content = json.loads(text)
            name, url = content["model_name"], content["url"]
            folder = Path(url).resolve()
        except (ValueError, KeyError, TypeError, RecursionError, OSError):
            raise bad_request('the body is not read, expected {"model_name": "a name", "url": "a folder"}') from None
        if not isinstance(name, str) or not name:
            raise bad_request("model_name is not a name, expected a text")
        if not folder.is_relative_to(self._root.resolve()) or not folder.is_dir():
            raise bad_request("url is no folder below models, expected where the model lies unpacked")
        return name, folder
