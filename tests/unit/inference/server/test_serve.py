from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from contract.failures import UserError
from inference.options import ServingOptions
from inference.server.mms_process import RunFolder
from inference.server.serve import MOST_RESTARTS, Server, serve


def test_restarts_of_the_model_server_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        server = Server(ServingOptions(workers=1), RunFolder(tmp_path), tmp_path, {})
        clock = 0.0
        monkeypatch.setattr("inference.server.serve.time.monotonic", lambda: clock)
        assert [server.may_restart() for _ in range(MOST_RESTARTS + 1)] == [True] * MOST_RESTARTS + [False]
        clock = 1_000.0
        assert server.may_restart()

    asyncio.run(test())


def test_there_must_be_a_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder; expected an unpacked model"):
        serve(ServingOptions(), {"SAGEMAKER_BASE_DIR": str(tmp_path)})
