from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from unit.inference.code_model import environment, write_code_model

from contract.failures import UserError
from contract.processes import is_alive
from inference.messages import Message
from inference.options import MIB, ServingOptions
from inference.server import served_model
from inference.server.served_model import BusyError, NoMemoryError, ServedModel
from inference.server.worker_process import WorkerEndedError


async def ask(model: ServedModel, text: str) -> Message:
    return await model.ask({"id": "id", "headers": {}}, b'{"inputs": "%s"}' % text.encode())


def with_model(
    folder: Path,
    check: Callable[[ServedModel], Awaitable[None]],
    workers: int = 1,
    options: ServingOptions | None = None,
) -> None:
    """Run `check` with a ServedModel of `folder` that is not loaded yet, and kill its workers at the end."""

    async def run() -> None:
        model = ServedModel(folder, options or ServingOptions(), environment(), workers)
        try:
            await check(model)
        finally:
            model.close()

    asyncio.run(run())


async def until(model: ServedModel, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            model.follow()
            await asyncio.sleep(0.02)


def test_requests_go_to_the_worker_with_the_fewest(tmp_path: Path) -> None:
    async def check(model: ServedModel) -> None:
        await model.load()
        assert len(model.worker_pids) == 2
        hanging = asyncio.create_task(ask(model, "hang"))
        await asyncio.sleep(0.1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(model.idle(), 0.05)
        for _ in range(5):
            assert (await ask(model, "text")).body == b'"TEXT"'
        assert not hanging.done()
        hanging.cancel()

    with_model(write_code_model(tmp_path), check, workers=2)


def test_a_worker_that_ended_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def check(model: ServedModel) -> None:
        await model.load()
        before = model.worker_pids
        with pytest.raises(WorkerEndedError):
            await ask(model, "end")
        assert not model.is_ready
        with pytest.raises(BusyError, match="not loaded yet"):
            await ask(model, "text")
        await until(model, lambda: model.is_ready)
        assert not before & model.worker_pids
        assert (await ask(model, "text")).body == b'"TEXT"'
        assert "the last worker ended" in caplog.text

    with_model(write_code_model(tmp_path), check)


def test_a_worker_that_does_not_answer_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(model: ServedModel) -> None:
        await model.load()
        (pid,) = model.worker_pids
        # A stopped process cannot end itself after its timeout.
        os.kill(pid, signal.SIGSTOP)
        waiting = asyncio.create_task(ask(model, "text"))
        await until(model, waiting.done)
        with pytest.raises(WorkerEndedError):
            waiting.result()
        await until(model, lambda: model.is_ready)

    monkeypatch.setattr(served_model, "GRACE_SECONDS", 0.0)
    with_model(write_code_model(tmp_path), check, options=ServingOptions(timeout_seconds=1))


def test_a_new_worker_that_cannot_load_is_an_error(tmp_path: Path) -> None:
    async def check(model: ServedModel) -> None:
        await model.load()
        write_code_model(tmp_path, "raise ValueError('no weights')")
        with pytest.raises(WorkerEndedError):
            await ask(model, "end")
        with pytest.raises(UserError, match="the model cannot be served: .*no weights"):
            await until(model, lambda: False)

    with_model(write_code_model(tmp_path), check)


@pytest.mark.parametrize("load", ["raise MemoryError", "os.kill(os.getpid(), 9)"])
def test_too_little_memory_is_a_no_memory_error(tmp_path: Path, load: str) -> None:
    async def check(model: ServedModel) -> None:
        with pytest.raises(NoMemoryError):
            await model.load()
        assert not model.is_ready

    with_model(write_code_model(tmp_path, load), check)


def test_a_worker_that_ends_by_itself_while_it_loads_is_no_lack_of_memory(tmp_path: Path) -> None:
    async def check(model: ServedModel) -> None:
        with pytest.raises(UserError, match="ended with status 3 while it loaded the model; its log says why") as found:
            await model.load()
        assert not isinstance(found.value, NoMemoryError)

    with_model(write_code_model(tmp_path, "os._exit(3)"), check)


def test_loading_has_a_limit(tmp_path: Path) -> None:
    async def check(model: ServedModel) -> None:
        with pytest.raises(UserError, match="not loaded within 1 s; SAGEMAKER_STARTUP_TIMEOUT"):
            await model.load()

    with_model(write_code_model(tmp_path, "time.sleep(60)"), check, options=ServingOptions(startup_timeout=1))


def test_more_requests_than_the_queue_holds_are_refused(tmp_path: Path) -> None:
    async def check(model: ServedModel) -> None:
        await model.load()
        waiting = [asyncio.create_task(ask(model, "hang")) for _ in range(4)]
        await asyncio.sleep(0.1)
        with pytest.raises(BusyError, match="too many requests"):
            await ask(model, "text")
        await model.unload()
        assert {type(error) for error in await asyncio.gather(*waiting, return_exceptions=True)} == {WorkerEndedError}
        await asyncio.wait_for(model.idle(), 1)

    # One batch of two, and two that wait.
    with_model(write_code_model(tmp_path), check, options=ServingOptions(batch_size=2, queue_size=2))


def test_bodies_of_more_bytes_than_the_queue_holds_are_refused(tmp_path: Path) -> None:
    async def check(model: ServedModel) -> None:
        await model.load()
        half, too_much = "text" * (MIB // 8), "text" * MIB
        # The only request is never too large.
        await ask(model, too_much)
        waiting = asyncio.create_task(ask(model, "hang"))
        await asyncio.sleep(0.1)
        # An answered request no longer counts.
        for _ in range(3):
            await ask(model, half)
        with pytest.raises(BusyError, match="requests of more than 1 MiB would be waiting"):
            await ask(model, too_much)
        waiting.cancel()

    with_model(write_code_model(tmp_path), check, workers=2, options=ServingOptions(queue_mb=1))


def test_unloading_ends_the_workers(tmp_path: Path) -> None:
    async def check(model: ServedModel) -> None:
        await model.load()
        pids = model.worker_pids
        await model.unload()
        assert not any(is_alive(pid) for pid in pids)
        assert not model.is_ready
        model.follow()
        assert model.worker_pids == set()

    with_model(write_code_model(tmp_path), check, workers=2)


def test_a_worker_is_ready_only_when_its_model_is(tmp_path: Path) -> None:
    async def check(model: ServedModel) -> None:
        started = time.monotonic()
        loading = asyncio.create_task(model.load())
        await asyncio.sleep(0.2)
        assert not model.is_ready
        await loading
        assert model.is_ready
        assert time.monotonic() - started >= 1

    with_model(write_code_model(tmp_path, "time.sleep(1)"), check)
