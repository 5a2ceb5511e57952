import resource
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from contract.files import write_json
from training.saving import attempt, first_problem
from training.stop import Agreement

BIG = torch.zeros(10_000)


@pytest.fixture
def full_disk() -> Iterator[None]:
    """The kernel refuses to write files beyond 1,000 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def by_torch(_trainer: Any, folder: Path) -> None:
    torch.save(BIG, folder / "a.pt")


def by_safetensors(_trainer: Any, folder: Path) -> None:
    save_file({"a": BIG}, folder / "a.safetensors")


def by_hand(_trainer: Any, folder: Path) -> None:
    write_json(folder / "a.json", [0] * 10_000)


@pytest.mark.parametrize("part", [by_torch, by_safetensors, by_hand])
def test_a_full_disk_is_a_problem_and_no_exception(tmp_path: Path, full_disk: None, part: Any) -> None:
    assert attempt(part, None, tmp_path)


def test_a_bug_is_an_exception(tmp_path: Path) -> None:
    def part(_trainer: Any, _folder: Path) -> None:
        raise RuntimeError("odd")

    with pytest.raises(RuntimeError, match="odd"):
        attempt(part, None, tmp_path)


def test_the_first_problem_ends_the_saving(tmp_path: Path, full_disk: None) -> None:
    trainer = SimpleNamespace(agreement=Agreement())
    done: list[str] = []
    parts = [lambda *_: done.append("one"), by_hand, lambda *_: done.append("three")]
    assert "File too large" in first_problem(trainer, parts, tmp_path)
    assert done == ["one"]
    assert first_problem(trainer, parts[:1], tmp_path) == ""
