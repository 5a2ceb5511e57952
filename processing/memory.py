"""The memory limit of DuckDB, from the container's memory, and malloc settings (mallopt) that keep freed memory."""

from __future__ import annotations

import ctypes
from pathlib import Path

from contract.machine import CGROUP, memory

MEGABYTE = 1024 * 1024
# DuckDB's share of the container's memory; more than MOST_MEMORY does not make it faster.
MEMORY_SHARE, MOST_MEMORY, LEAST_MEMORY = 0.25, 512 * MEGABYTE, 128 * MEGABYTE
# Larger than any array of a batch, and the largest threshold that mallopt(3) accepts. Constants of malloc.h.
KEPT_BYTES = 32 * MEGABYTE
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def database_memory(cgroup: Path = CGROUP) -> int:
    """Memory limit of DuckDB in bytes; beyond it, it spills to disk."""
    return int(min(max(memory(cgroup) * MEMORY_SHARE, LEAST_MEMORY), MOST_MEMORY))


def keep_freed_memory() -> bool:
    """Make malloc keep up to KEPT_BYTES of freed memory; returns whether the C library supports it.

    By default malloc returns blocks of a batch's size to the kernel, which must clear their pages for the
    next batch; that takes a tenth of the job's time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # in glibc, not in musl
    return mallopt is not None and all(mallopt(name, KEPT_BYTES) for name in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD))
