from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import pytest

from inference.errors import RequestError
from inference.server import memory


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    8000 kB\nHugePages: 0\n")
    return tmp_path / "meminfo"


def test_without_a_limit_the_machine_counts(tmp_path: Path, meminfo: Path) -> None:
    assert memory.available(tmp_path / "none", meminfo) == 8_000 * 1024
    write(tmp_path / "group", memory__max="max\n", memory__current="100\n")
    assert memory.available(tmp_path / "group", meminfo) == 8_000 * 1024


def test_a_containers_limit_counts_and_what_it_has_of_files_does_not(tmp_path: Path, meminfo: Path) -> None:
    second = write(
        tmp_path / "two", memory__max="1000\n", memory__current="900\n", memory__stat="anon 1\ninactive_file 50\n"
    )
    assert memory.available(second, meminfo) == 150
    (tmp_path / "one").mkdir()
    write(
        tmp_path / "one" / "memory",
        memory__limit_in_bytes="2000\n",
        memory__usage_in_bytes="1500\n",
        memory__stat="inactive_file 7\ntotal_inactive_file 70\n",
    )
    assert memory.available(tmp_path / "one", meminfo) == 570


def test_weights_beyond_the_memory_get_507(tmp_path: Path) -> None:
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(1 << 20)
    assert memory.needed(tmp_path) == memory.WORKER_BYTES + 2 * (1 << 20)
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(1 << 42)
    with pytest.raises(RequestError) as caught:
        memory.check(tmp_path)
    assert caught.value.status == HTTPStatus.INSUFFICIENT_STORAGE
