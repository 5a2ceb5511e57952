"""The database's share of the container's memory, and malloc settings (mallopt) that keep freed memory."""

from __future__ import annotations

import ctypes
from pathlib import Path

from contract.machine import CGROUP, memory

MEGABYTE = 1024 * 1024
# Of the memory there is, at most this share for the database; more than MOST_MEMORY does not make it faster.
MEMORY_SHARE, MOST_MEMORY, LEAST_MEMORY = 0.25, 512 * MEGABYTE, 128 * MEGABYTE
# Larger than any array of a batch. The names and numbers are those of malloc.h; the greatest threshold is 32 MB.
KEPT_BYTES = 32 * MEGABYTE
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


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
