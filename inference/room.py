"""Whether another model fits into memory, for multi-model endpoints (507): cgroup limits, /proc/meminfo."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from inference.errors import RequestError

CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")
MIB = 1024 * 1024
# A worker with the libraries loaded and no model.
WORKER_BYTES = 350 * MIB
# While weights are converted to another dtype they are there twice.
COPIES = 2


def check(folder: Path) -> None:
    """Raises RequestError: 507, the model in `folder` needs more memory than is left."""
    need, left = needed(folder), available()
    if need > left:
        raise RequestError(
            HTTPStatus.INSUFFICIENT_STORAGE,
            f"the model needs about {need // MIB:,} MiB of memory, {left // MIB:,} MiB are left",
        )


def needed(folder: Path) -> int:
    """Bytes that a worker needs to load the model in `folder`, by the size of its weights."""
    return WORKER_BYTES + COPIES * sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def available(cgroup: Path = CGROUP, meminfo: Path = MEMINFO) -> int:
    """Bytes that can be had: what the machine has left, within what the container may use (cgroup 2 or 1)."""
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


def number(path: Path) -> int | None:
    """The number in the file `path`; None where there is none: no such file, or "max"."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def fields(path: Path) -> dict[str, int]:
    """Names and numbers in lines of the form `name number` or `name: number kB`."""
    try:
        lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
    except OSError:
        return {}
    return {line[0].rstrip(":"): int(line[1]) for line in lines if len(line) > 1 and line[1].isdigit()}
