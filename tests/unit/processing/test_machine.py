"""What a container may use, from its cgroup."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from processing.machine import LEAST_MEMORY, MOST_MEMORY, database_memory, memory, threads


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
    assert database_memory(tmp_path) == 150_000_000
    (tmp_path / "memory.max").write_text("1000\n")
    assert database_memory(tmp_path) == LEAST_MEMORY
    (tmp_path / "memory.max").unlink()
    assert LEAST_MEMORY < database_memory(tmp_path) <= MOST_MEMORY


FAULTS = """
import resource, sys, threading
from processing.machine import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def batches():
    for _ in range(50):
        [b"x" * 1_000_000 for _ in range(10)]
thread = threading.Thread(target=batches)
thread.start()
thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told what to keep")
def test_memory_that_was_freed_is_kept() -> None:
    """A process of its own, for it changes the whole process."""
    default, kept = (
        int(subprocess.run([sys.executable, "-c", FAULTS, how], check=True, capture_output=True).stdout)
        for how in ("default", "kept")
    )
    assert kept < default / 3
