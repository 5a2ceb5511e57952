"""What a container may use, from its cgroup."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from contract.machine import memory, threads


@pytest.mark.parametrize(("quota", "expected"), [("100000 100000", 1), ("50000 100000", 1), ("max 100000", None)])
def test_threads_are_those_of_the_quota(tmp_path: Path, quota: str, expected: int | None) -> None:
    (tmp_path / "cpu.max").write_text(quota + "\n")
    assert threads(tmp_path) == (expected or len(os.sched_getaffinity(0)))


def test_threads_without_a_cgroup(tmp_path: Path) -> None:
    assert threads(tmp_path) == len(os.sched_getaffinity(0))


def test_memory_is_the_limit(tmp_path: Path) -> None:
    whole = memory(tmp_path)
    assert whole > 2**28
    (tmp_path / "memory.max").write_text("max\n")
    assert memory(tmp_path) == whole
    (tmp_path / "memory.max").write_text("600000000\n")
    assert memory(tmp_path) == 600_000_000
