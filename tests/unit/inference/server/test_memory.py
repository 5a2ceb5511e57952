from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import pytest

from inference.errors import RequestError
from inference.server import memory


def test_weights_beyond_the_memory_get_507(tmp_path: Path) -> None:
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(1 << 20)
    assert memory.needed(tmp_path) == memory.WORKER_BYTES + 2 * (1 << 20)
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(1 << 42)
    with pytest.raises(RequestError) as caught:
        memory.check(tmp_path)
    assert caught.value.status == HTTPStatus.INSUFFICIENT_STORAGE


def test_weights_one_folder_down_count_and_those_of_its_checkpoints_do_not(tmp_path: Path) -> None:
    (tmp_path / "model" / "checkpoint-10").mkdir(parents=True)
    for folder in (tmp_path / "model", tmp_path / "model" / "checkpoint-10"):
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(bytes(1000))
    assert memory.needed(tmp_path) == memory.WORKER_BYTES + 2 * 1000
