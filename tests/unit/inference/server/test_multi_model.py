from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from unit.inference.fronts import Client, error_of

from contract.failures import UserError
from inference.messages import Message
from inference.server.middleware import errors_as_json
from inference.server.multi_model import PAGE, MultiModel
from inference.server.served_model import NoMemoryError


class Hosted:
    """A replacement for ServedModel without processes, with configured results."""

    failure: Exception | None = None

    def __init__(self, folder: Path) -> None:
        self.folder, self.unloaded = folder, False
        self.may_load = asyncio.Event()
        self.may_load.set()
        self.is_ready, self.closed = True, False
        self.worker_pids = {len(folder.name)}

    async def ask(self, _fields: object, _body: bytes) -> Message:
        return Message(1, {"status": 200, "headers": {}}, self.folder.name.encode())

    def close(self) -> None:
        self.closed = True

    async def idle(self) -> None:
        return

    async def load(self) -> None:
        await self.may_load.wait()
        if self.failure:
            raise self.failure

    async def unload(self) -> None:
        self.unloaded = True

    def follow(self) -> None:
        if self.failure:
            raise self.failure


Check = Callable[[Client, MultiModel, list[Hosted]], Awaitable[None]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    return tmp_path


def with_models(root: Path, check: Check, prepare: Callable[[Hosted], None] = lambda _: None) -> None:
    served_model: list[Hosted] = []

    def host(folder: Path) -> Any:
        served_model.append(Hosted(folder))
        prepare(served_model[-1])
        return served_model[-1]

    async def run() -> None:
        service = MultiModel(root, host)
        application = web.Application(middlewares=[errors_as_json])
        application.add_routes(service.routes())
        async with TestClient(TestServer(application)) as client:
            assert (await client.get("/ping")).status == 503
            await service.load()
            assert (await client.get("/ping")).status == 200
            await check(client, service, served_model)

    asyncio.run(run())


async def load(client: Client, name: str, folder: Path) -> Any:
    return await client.post("/models", json={"model_name": name, "url": str(folder)})


def test_names_need_not_be_those_of_folders(root: Path) -> None:
    async def check(client: Client, service: MultiModel, served_model: list[Hosted]) -> None:
        assert (await load(client, "x/y %", root / "a")).status == 200
        assert await (await client.post("/models/x%2Fy%20%25/invoke")).text() == "a"
        described = await (await client.get("/models/x%2Fy%20%25")).json()
        assert described == {"modelName": "x/y %", "modelUrl": str(root / "a")}
        assert (await client.delete("/models/x%2Fy%20%25")).status == 200
        assert served_model[0].unloaded
        assert await error_of(await client.post("/models/x%2Fy%20%25/invoke")) == (404, "not_found")

    with_models(root, check)


def test_a_model_that_is_loading_is_not_loaded_twice(root: Path) -> None:
    async def check(client: Client, service: MultiModel, served_model: list[Hosted]) -> None:
        first = asyncio.create_task(load(client, "one", root / "a"))
        while not served_model:
            await asyncio.sleep(0.01)
        assert await error_of(await load(client, "one", root / "a")) == (409, "conflict")
        assert await error_of(await client.get("/models/one")) == (404, "not_found")
        # Models load one after the other.
        second = asyncio.create_task(load(client, "two", root / "b"))
        await asyncio.sleep(0.05)
        assert len(served_model) == 1
        served_model[0].may_load.set()
        assert (await first).status == (await second).status == 200

    def prepare(model: Hosted) -> None:
        if model.folder.name == "a":
            model.may_load.clear()

    with_models(root, check, prepare)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (UserError("model folder {} has no config.json"), (400, "bad_request")),
        (NoMemoryError("killed"), (507, "insufficient_storage")),
    ],
)
def test_a_load_that_fails_leaves_nothing(root: Path, failure: UserError, expected: tuple[int, str]) -> None:
    async def check(client: Client, service: MultiModel, served_model: list[Hosted]) -> None:
        answer = await load(client, "one", root / "a")
        assert await error_of(answer) == expected
        assert str(root) not in await answer.text()
        assert served_model[0].unloaded
        assert (await (await client.get("/models")).json()) == {"models": []}

    def prepare(model: Hosted) -> None:
        model.failure = type(failure)(str(failure).format(model.folder))

    with_models(root, check, prepare)


@pytest.mark.parametrize(
    "body", ["", "[]", '{"model_name": "a"}', '{"model_name": 1, "url": "/"}', '{"model_name": "a", "url": "\\u0000"}']
)
def test_an_invalid_body_of_a_load_is_400(root: Path, body: str) -> None:
    async def check(client: Client, service: MultiModel, served_model: list[Hosted]) -> None:
        assert await error_of(await client.post("/models", data=body)) == (400, "bad_request")

    with_models(root, check)


def test_a_model_that_can_no_longer_be_served_is_unloaded(root: Path) -> None:
    async def check(client: Client, service: MultiModel, served_model: list[Hosted]) -> None:
        for name in ("a", "b"):
            await load(client, name, root / name)
        served_model[0].failure = UserError("it does not load again")
        await service.follow()
        assert served_model[0].unloaded
        assert not served_model[1].unloaded
        assert await error_of(await client.get("/models/a")) == (404, "not_found")
        assert service.worker_pids() == served_model[1].worker_pids
        service.close()
        assert served_model[1].closed
        assert (await client.get("/ping")).status == 503

    with_models(root, check)


def test_the_list_comes_in_pages(root: Path) -> None:
    async def check(client: Client, service: MultiModel, served_model: list[Hosted]) -> None:
        names = [f"m{number:03}" for number in range(PAGE + 20)]
        for name in reversed(names):
            await load(client, name, root / "a")
        found: list[str] = []
        query: dict[str, str] = {}
        for size in (PAGE, 20):
            page = await (await client.get("/models", params=query)).json()
            assert len(page["models"]) == size
            found += [model["modelName"] for model in page["models"]]
            query = {"next_page_token": page.get("nextPageToken", "")}
        assert query == {"next_page_token": ""}
        assert found == names

    with_models(root, check)
