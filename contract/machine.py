"""CPU cores, memory and GPUs available to the container, from affinity, cgroup limits and nvidia-smi."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")
DRIVER_SECONDS = 60
NO_DEVICES = "No devices were found"


def threads(cgroup: Path = CGROUP) -> int:
    """Number of CPU cores that this process may use, from its affinity and the cgroup's CPU quota."""
    usable = len(os.sched_getaffinity(0))
    quota, _, period = content(cgroup / "cpu.max").partition(" ")
    if not quota:
        quota, period = (content(cgroup / "cpu" / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    if quota.isdigit() and period.isdigit() and int(period):
        usable = min(usable, max(int(quota) // int(period), 1))
    return usable


def memory(cgroup: Path = CGROUP) -> int:
    """Memory in bytes that this process may use: the machine's, or the cgroup's limit if that is less."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = (number(cgroup / name) for name in ("memory.max", "memory/memory.limit_in_bytes"))
    return min([physical, *(limit for limit in limits if limit is not None)])


def free_memory(cgroup: Path = CGROUP, meminfo: Path = MEMINFO) -> int:
    """Free memory in bytes: the machine's available memory, or the rest of the cgroup's limit if that is less."""
    free = [1024 * fields(meminfo).get("MemAvailable", 0)]
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
            free.append(most - used + fields(cgroup / stat).get(cached, 0))
    return min(free)


def gpus(*properties: str) -> list[str]:
    """Run nvidia-smi --query-gpu with `properties`; returns one line per GPU, none without a driver."""
    # Without a device some drivers print one sentence, and exit with 0.
    lines = nvidia_smi(f"--query-gpu={','.join(properties)}", "--format=csv,noheader").splitlines()
    return [line for line in lines if line.count(",") == len(properties) - 1 and line != NO_DEVICES]


def driver_cuda() -> str:
    """The newest CUDA version that the NVIDIA driver supports, such as 12.4; empty without a driver."""
    found = re.search(r"CUDA Version:\s*([\d.]+)", nvidia_smi())
    return found[1] if found else ""


def nvidia_smi(*arguments: str) -> str:
    """Standard output of nvidia-smi; empty if it is missing or fails, as it does without a driver."""
    command = ["nvidia-smi", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DRIVER_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def content(path: Path) -> str:
    """The text of a kernel file (cgroup or /proc); empty if it cannot be read."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def number(path: Path) -> int | None:
    """The number in a cgroup file; None if the file cannot be read or has "max"."""
    text = content(path)
    return int(text) if text.isdigit() else None


def fields(path: Path) -> dict[str, int]:
    """The fields of a kernel file with lines `name number` or `name: number kB`."""
    lines = [line.split() for line in content(path).splitlines()]
    return {line[0].rstrip(":"): int(line[1]) for line in lines if len(line) > 1 and line[1].isdigit()}
