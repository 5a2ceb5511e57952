"""Multi-model endpoints: the routes /models and /models/{name}/invoke, loading and unloading.

The SageMaker developer guide ("Contract for custom containers for multi-model endpoints") defines
the routes, the fields and the statuses: 404 for a model that is not loaded, 409 for one that is
loaded already, 507 if memory is too small, on which SageMaker unloads other models and tries again.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import web

from contract.failures import UserError
from inference.errors import RequestError, bad_request
from inference.server import memory
from inference.server.app import FINISH_SECONDS
from inference.server.invocations import invoke
from inference.server.served_model import NoMemoryError, ServedModel

PAGE = 100

log = logging.getLogger(__name__)


class MultiModel:
    """The models that SageMaker has loaded, and the routes to load, unload, list and invoke them.

    Args:
        root: folder below which SageMaker puts models.
        make_model: creates the ServedModel of a model folder.
    """

    def __init__(self, root: Path, make_model: Callable[[Path], ServedModel]) -> None:
        self._root, self._make_model = root, make_model
        self._models: dict[str, ServedModel] = {}
        self._loading: set[str] = set()
        # Models load one after the other, so that the memory check sees the memory of those before.
        self._load_lock = asyncio.Lock()
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
        """Models are loaded by requests: from now on."""
        self._up = True

    async def follow(self) -> None:
        """Replace workers that have ended; unload models that can no longer be served."""
        for name, model in list(self._models.items()):
            try:
                model.follow()
            except UserError as error:
                await self._unload_failed(name, error)

    def close(self) -> None:
        """Kill the workers; requests in flight get 503."""
        self._up = False
        for model in self._models.values():
            model.close()

    def worker_pids(self) -> set[int]:
        """PIDs of the workers of all models."""
        return {pid for model in self._models.values() for pid in model.worker_pids}

    async def ping(self, _: web.Request) -> web.StreamResponse:
        """GET /ping: 200 once models can be loaded, else 503."""
        if not self._up:
            raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "the model server is not up yet; try again")
        return web.Response()

    async def list(self, request: web.Request) -> web.StreamResponse:
        """GET /models: a page of the loaded models, sorted by name; with `nextPageToken` if there are more."""
        after = request.query.get("next_page_token", "")
        names = sorted(name for name in self._models if name > after)
        page: dict[str, Any] = {"models": [self._entry(name) for name in names[:PAGE]]}
        if len(names) > PAGE:
            page["nextPageToken"] = names[PAGE - 1]
        return web.json_response(page)

    async def describe(self, request: web.Request) -> web.StreamResponse:
        """GET /models/{name}: name and folder of a loaded model."""
        name = request.match_info["name"]
        self._get(name)
        return web.json_response(self._entry(name))

    async def load_one(self, request: web.Request) -> web.StreamResponse:
        """POST /models with {"model_name", "url"}: load a model; responds when it is warmed up."""
        name, folder = self._parse_load(await request.text())
        if name in self._models or name in self._loading:
            raise RequestError(HTTPStatus.CONFLICT, "the model is loaded already")
        self._loading.add(name)
        try:
            async with self._load_lock:
                self._models[name] = await self._loaded(name, folder)
        finally:
            self._loading.discard(name)
        log.info("%d model(s) loaded", len(self._models))
        return web.json_response(self._entry(name))

    async def unload_one(self, request: web.Request) -> web.StreamResponse:
        """DELETE /models/{name}: unload a model after its requests in flight; responds when its memory is free."""
        name = request.match_info["name"]
        model = self._get(name)
        del self._models[name]
        try:
            await asyncio.wait_for(model.idle(), FINISH_SECONDS)
        except TimeoutError:
            log.error("requests in flight did not finish before their model was unloaded: they get 503")
        await model.unload()
        log.info("%d model(s) loaded", len(self._models))
        return web.Response()

    async def invoke(self, request: web.Request) -> web.StreamResponse:
        """POST /models/{name}/invoke: pass the request to a worker of the model."""
        return await invoke(self._get(request.match_info["name"]), request)

    async def _loaded(self, name: str, folder: Path) -> ServedModel:
        """Load the model in `folder`.

        Raises:
            RequestError: 507 if memory is too small, 400 if the model cannot load.
        """
        memory.check(folder)
        model = self._make_model(folder)
        try:
            await model.load()
        except UserError as error:
            log.error("%s", error)
            await model.unload()
            no_memory = isinstance(error, NoMemoryError)
            status = HTTPStatus.INSUFFICIENT_STORAGE if no_memory else HTTPStatus.BAD_REQUEST
            # Responses never hold paths.
            raise RequestError(status, str(error).replace(str(folder), name)) from None
        return model

    async def _unload_failed(self, name: str, error: UserError) -> None:
        log.error("%s; the model is unloaded", error)
        await self._models.pop(name).unload()

    def _get(self, name: str) -> ServedModel:
        if name not in self._models:
            raise RequestError(HTTPStatus.NOT_FOUND, "the model is not loaded")
        return self._models[name]

    def _entry(self, name: str) -> dict[str, str]:
        return {"modelName": name, "modelUrl": str(self._models[name].folder)}

    def _parse_load(self, text: str) -> tuple[str, Path]:
        """Model name and folder in the body of POST /models.

        Raises:
            RequestError: 400, the body is not of this form, or the folder is not below the models' root.
        """
        try:
            content = json.loads(text)
            name, url = content["model_name"], content["url"]
            folder = Path(url).resolve()
        except (ValueError, KeyError, TypeError, RecursionError, OSError):
            raise bad_request('the body is not valid, expected {"model_name": "a name", "url": "a folder"}') from None
        if not isinstance(name, str) or not name:
            raise bad_request("model_name is not valid, expected a non-empty text")
        if not folder.is_relative_to(self._root.resolve()) or not folder.is_dir():
            raise bad_request("url is not a folder below models, expected the folder of an unpacked model")
        return name, folder
