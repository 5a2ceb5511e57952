"""Runs commands in turn and measures wall time, CPU time and peak memory of the whole process tree."""

from __future__ import annotations

import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Run:
    """One process: wall clock in seconds, peak resident memory in bytes (its children's added).

    `killed`: it did not finish, for the kernel had no more memory to give.
    """

    seconds: float
    peak: int
    killed: bool = False


@dataclass(frozen=True)
class Way:
    """A contender: its name, its command, and what must happen before each run.

    `expendable`: where memory runs out, the kernel kills this process first, and that is a result.
    """

    name: str
    command: Sequence[str]
    before: Callable[[], None] = lambda: None
    environ: Mapping[str, str] | None = None
    expendable: bool = False


def run(way: Way, log: Path) -> Run:
    """Run `way` once, its output appended to `log`.

    Raises:
        SystemExit: it failed; the message shows the end of its output.
    """
    way.before()
    with log.open("ab") as output:
        started = time.perf_counter()
        process = subprocess.Popen(way.command, stdout=output, stderr=output, env=way.environ)
        if way.expendable:
            Path(f"/proc/{process.pid}/oom_score_adj").write_text("1000")
        peak = watch(process)
        seconds = time.perf_counter() - started
    if way.expendable and process.returncode == -signal.SIGKILL:
        return Run(seconds, peak, killed=True)
    if process.returncode:
        sys.exit(f"{way.name} failed with {process.returncode}:\n{log.read_text(errors='replace')[-2000:]}")
    return Run(seconds, peak)


def watch(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end of `process`; returns its peak memory in bytes.

    The kernel's own maximum (ru_maxrss) starts at what the parent had when it forked, so the high
    water mark of the running program is read instead, every POLL_SECONDS.
    """
    peak = 0
    while process.poll() is None:
        peak = max(peak, high_water(process.pid))
        time.sleep(POLL_SECONDS)
    return peak


def high_water(pid: int) -> int:
    """VmHWM of the process and of its descendants, added up, in bytes; 0 of one that is gone."""
    folder = Path(f"/proc/{pid}")
    try:
        status = (folder / "status").read_text()
        children = (folder / f"task/{pid}/children").read_text().split()
    except OSError:
        return 0
    own = next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)
    return own + sum(high_water(int(child)) for child in children)


def alternate(ways: Sequence[Way], repeats: int, log: Path) -> dict[str, list[Run]]:
    """`repeats` runs of each way: A B C, A B C, ..."""
    runs: dict[str, list[Run]] = {way.name: [] for way in ways}
    for turn in range(repeats):
        for way in ways:
            result = run(way, log)
            runs[way.name].append(result)
            told = f"{result.seconds:.2f} s, {result.peak / 1e6:.0f} MB{', killed' if result.killed else ''}"
            print(f"turn {turn + 1}: {way.name}: {told}", flush=True)
    return runs


def median(runs: Sequence[Run]) -> Run:
    return Run(
        statistics.median(r.seconds for r in runs),
        int(statistics.median(r.peak for r in runs)),
        any(r.killed for r in runs),
    )


def machine() -> str:
    """Processor, cores and memory, for the record."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
