"""Memory limit of the database, and malloc settings."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from processing.memory import LEAST_MEMORY, MOST_MEMORY, database_memory


def test_the_database_gets_a_share_between_two_bounds(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("600000000\n")
    assert database_memory(tmp_path) == 150_000_000
    (tmp_path / "memory.max").write_text("1000\n")
    assert database_memory(tmp_path) == LEAST_MEMORY
    (tmp_path / "memory.max").unlink()
    assert LEAST_MEMORY < database_memory(tmp_path) <= MOST_MEMORY


FAULTS = """
import resource, sys, threading
from processing.memory import keep_freed_memory
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
def test_freed_memory_is_kept() -> None:
    """In a separate process, since the settings are for the whole process."""
    default, kept = (
        int(subprocess.run([sys.executable, "-c", FAULTS, how], check=True, capture_output=True).stdout)
        for how in ("default", "kept")
    )
    assert kept < default / 3
