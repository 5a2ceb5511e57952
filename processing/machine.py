"""How much of the machine is ours: a container's share of it counts, not what the hardware has."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
MEGABYTE = 1024 * 1024
# Of the memory there is, at most this share for the database; more than MOST_MEMORY does not make it faster.
MEMORY_SHARE, MOST_MEMORY, LEAST_MEMORY = 0.25, 512 * MEGABYTE, 128 * MEGABYTE
# Larger than any array of a batch. The names and numbers are those of malloc.h; the greatest threshold is 32 MB.
KEPT_BYTES = 32 * MEGABYTE
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


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


def database_memory(cgroup: Path = CGROUP) -> int:
    """Bytes for the database, above which it writes to disk."""
    return int(min(max(memory(cgroup) * MEMORY_SHARE, LEAST_MEMORY), MOST_MEMORY))


def keep_freed_memory() -> bool:
    """Have the C library keep up to KEPT_BYTES of what is freed; returns whether it does.

    By default it gives blocks of a batch's size back to the kernel, which clears their pages anew for
    the next batch: a tenth of the job's time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it, musl does not.
    return mallopt is not None and all(mallopt(name, KEPT_BYTES) for name in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD))


def first_line(path: Path) -> str:
    try:
        return path.read_text().partition("\n")[0].strip()
    except OSError:
        return ""
