import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from contract.files import write_json
from training.checkpointing.saving import attempt, first_problem
from training.distributed.collectives import Agreement

NO_TRAINER: Any = None
BIG = torch.zeros(10_000)


@contextmanager
def full_disk() -> Iterator[None]:
    """The kernel refuses to write files beyond 1,000 bytes: for a moment, for the log of the tests may be one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def by_torch(_trainer: Any, folder: Path) -> None:
    torch.save(BIG, folder / "a.pt")


def by_safetensors(_trainer: Any, folder: Path) -> None:
    save_file({"a": BIG}, folder / "a.safetensors")


def by_hand(_trainer: Any, folder: Path) -> None:
    write_json(folder / "a.json", [0] * 10_000)


@pytest.mark.parametrize("part", [by_torch, by_safetensors, by_hand])
def test_a_full_disk_is_a_problem_and_no_exception(tmp_path: Path, part: Any) -> None:
    with full_disk():
        problem = attempt(part, NO_TRAINER, tmp_path)
    assert problem


def test_a_bug_is_an_exception(tmp_path: Path) -> None:
    def part(_trainer: Any, _folder: Path) -> None:
        raise RuntimeError("odd")

    with pytest.raises(RuntimeError, match="odd"):
        attempt(part, NO_TRAINER, tmp_path)


def test_the_first_problem_ends_the_saving(tmp_path: Path) -> None:
    trainer: Any = SimpleNamespace(agreement=Agreement())
    done: list[str] = []
    parts: list[Callable[[Any, Path], None]] = [lambda *_: done.append("one"), by_hand, lambda *_: done.append("three")]
    with full_disk():
        problem = first_problem(trainer, parts, tmp_path)
    assert "File too large" in problem
    assert done == ["one"]
    assert first_problem(trainer, parts[:1], tmp_path) == ""
