"""CPU cores, memory and GPUs that the container may use, by affinity, cgroup limits and nvidia-smi."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")
DRIVER_SECONDS = 60


def threads(cgroup: Path = CGROUP) -> int:
    """Processors that this process may use, by affinity and by the cgroup's quota of processor time."""
    usable = len(os.sched_getaffinity(0))
    quota, _, period = content(cgroup / "cpu.max").partition(" ")
    if not quota:
        quota, period = (content(cgroup / "cpu" / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    if quota.isdigit() and period.isdigit() and int(period):
        usable = min(usable, max(int(quota) // int(period), 1))
    return usable


def memory(cgroup: Path = CGROUP) -> int:
    """Bytes of memory that this process may use: the machine's, or the cgroup's limit."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = (number(cgroup / name) for name in ("memory.max", "memory/memory.limit_in_bytes"))
    return min([whole, *(limit for limit in limits if limit is not None)])


def free_memory(cgroup: Path = CGROUP, meminfo: Path = MEMINFO) -> int:
    """Bytes of memory that can be had: what the machine has left, within what the cgroup may use."""
    left = [1024 * fields(meminfo).get("MemAvailable", 0)]
    for limit, usage, stat, cached in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
            "memory/memory.stat",
            "total_inactive_file",
        ),
    ):
        most, used = number(cgroup / limit), number(cgroup / usage)
        if most is not None and used is not None:
            left.append(most - used + fields(cgroup / stat).get(cached, 0))
    return min(left)


def gpus(*properties: str) -> list[str]:
    """One line for each GPU with its `properties`, as nvidia-smi names and lists them; empty without a driver."""
    command = ["nvidia-smi", f"--query-gpu={','.join(properties)}", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DRIVER_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def content(path: Path) -> str:
    """The text in the file `path`, which the kernel writes; empty where there is none."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def number(path: Path) -> int | None:
    """The number in the file `path`; None where there is none: no such file, or "max"."""
    text = content(path)
    return int(text) if text.isdigit() else None


def fields(path: Path) -> dict[str, int]:
    """Names and numbers in lines of the form `name number` or `name: number kB`."""
    lines = [line.split() for line in content(path).splitlines()]
    return {line[0].rstrip(":"): int(line[1]) for line in lines if len(line) > 1 and line[1].isdigit()}
