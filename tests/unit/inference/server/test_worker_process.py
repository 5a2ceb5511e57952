from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from unit.inference.code_model import environment, write_code_model

from contract.processes import is_alive
from inference.messages import NO_MEMORY
from inference.server.worker_process import WorkerEndedError, WorkerProcess

FIELDS = {"id": "id-1", "headers": {"accept": "application/json"}}


async def started(folder: Path) -> WorkerProcess:
    return await WorkerProcess.start(folder, 0, environment())


def test_a_worker_says_that_it_is_ready_and_answers(tmp_path: Path) -> None:
    async def test() -> None:
        worker = await started(write_code_model(tmp_path))
        assert await worker.until_ready() is None
        answers = await asyncio.gather(
            *(worker.connection.ask(FIELDS, b'{"inputs": "text %d"}' % number) for number in range(20))
        )
        assert [answer.body for answer in answers] == [b'"TEXT %d"' % number for number in range(20)]
        assert {answer.fields["status"] for answer in answers} == {200}
        refused = await worker.connection.ask(FIELDS, b"{")
        assert refused.fields["status"] == 400
        assert b"id-1" in refused.body
        assert worker.connection.sent == {}
        worker.kill()
        assert not is_alive(worker.pid)

    asyncio.run(test())


def test_the_end_of_a_worker_is_an_error_of_its_requests(tmp_path: Path) -> None:
    async def test() -> None:
        worker = await started(write_code_model(tmp_path))
        await worker.until_ready()
        waiting = [asyncio.create_task(worker.connection.ask(FIELDS, b'{"inputs": "hang"}')) for _ in range(2)]
        await asyncio.sleep(0.1)
        assert len(worker.connection.sent) == 2
        os.kill(worker.pid, signal.SIGKILL)
        for task in waiting:
            with pytest.raises(WorkerEndedError):
                await asyncio.wait_for(task, 10)
        assert not worker.is_alive
        with pytest.raises(WorkerEndedError):
            await worker.connection.ask(FIELDS, b"{}")
        worker.kill()

    asyncio.run(test())


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        ("raise ValueError('broken')", "ValueError: broken"),
        ("raise MemoryError", NO_MEMORY),
        ("raise __import__('contract.failures').failures.UserError('no labels')", "no labels"),
    ],
)
def test_a_worker_that_cannot_load_says_why(tmp_path: Path, load: str, expected: str) -> None:
    async def test() -> str | None:
        worker = await started(write_code_model(tmp_path, load))
        try:
            return await worker.until_ready()
        finally:
            worker.kill()

    assert expected in str(asyncio.run(test()))


def test_a_worker_that_ends_while_it_loads_has_no_reason(tmp_path: Path) -> None:
    async def test() -> None:
        worker = await started(write_code_model(tmp_path, "os._exit(9)"))
        with pytest.raises(WorkerEndedError):
            await worker.until_ready()
        worker.kill()

    asyncio.run(test())
