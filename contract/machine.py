"""CPU cores and memory that the container may use, by affinity and cgroup limits."""

from __future__ import annotations

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def threads(cgroup: Path = CGROUP) -> int:
    """Processors that this process may use, by affinity and by the cgroup's quota (cpu.max, version 2)."""
    usable = len(os.sched_getaffinity(0))
    quota, _, period = first_line(cgroup / "cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit() and int(period):
        usable = min(usable, max(int(quota) // int(period), 1))
    return usable


def memory(cgroup: Path = CGROUP) -> int:
    """Bytes of memory that this process may use: the machine's, or the cgroup's limit."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = (first_line(cgroup / name) for name in ("memory.max", "memory/memory.limit_in_bytes"))
    return min([whole, *(int(limit) for limit in limits if limit.isdigit())])


def first_line(path: Path) -> str:
    try:
        return path.read_text().partition("\n")[0].strip()
    except OSError:
        return ""
