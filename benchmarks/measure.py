"""Runs programs in turn and measures wall clock time, CPU time and peak memory of the whole process tree."""

from __future__ import annotations

import os
import platform
import resource
import select
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
    """Measurement of one run.

    Attributes:
        seconds: wall clock time.
        peak: peak resident memory in bytes, with that of child processes.
        killed: whether the kernel killed it because memory ran out.
        cpu: CPU seconds of all its threads, and of its child processes that it waited for.
    """

    seconds: float
    peak: int
    killed: bool = False
    cpu: float = 0.0


@dataclass(frozen=True)
class Program:
    """A program to measure.

    Attributes:
        name: name in the results.
        command: command line.
        before: called before each run.
        environ: environment variables; None inherits them.
        expendable: whether the kernel may kill it first if memory runs out, which is a result then.
    """

    name: str
    command: Sequence[str]
    before: Callable[[], None] = lambda: None
    environ: Mapping[str, str] | None = None
    expendable: bool = False


def run(program: Program, log: Path) -> Run:
    """Run a program once, and append its output to `log`.

    Raises:
        SystemExit: it failed; the message has the end of its output.
    """
    program.before()
    with log.open("ab") as output:
        started, used = time.perf_counter(), cpu_of_children()
        process = subprocess.Popen(program.command, stdout=output, stderr=output, env=program.environ)
        if program.expendable:
            Path(f"/proc/{process.pid}/oom_score_adj").write_text("1000")
        peak = watch(process)
        seconds, cpu = time.perf_counter() - started, cpu_of_children() - used
    if program.expendable and process.returncode == -signal.SIGKILL:
        return Run(seconds, peak, killed=True, cpu=cpu)
    if process.returncode:
        sys.exit(f"{program.name} failed with {process.returncode}:\n{log.read_text(errors='replace')[-2000:]}")
    return Run(seconds, peak, cpu=cpu)


def cpu_of_children() -> float:
    """CPU seconds of all ended child processes of this one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def watch(process: subprocess.Popen[bytes]) -> int:
    """Wait until `process` ends; returns its peak memory in bytes.

    ru_maxrss of the kernel begins with the parent's memory at the fork, so VmHWM of the running program
    is read every POLL_SECONDS instead.
    """
    peak = 0
    ended = os.pidfd_open(process.pid)
    try:
        # Ready as soon as the process has ended, so that its time is not rounded up to the next reading.
        while not select.select([ended], [], [], POLL_SECONDS)[0]:
            peak = max(peak, high_water(process.pid))
        process.wait()
    finally:
        os.close(ended)
    return peak


def high_water(pid: int) -> int:
    """Sum of VmHWM (peak resident memory) of a process and its descendants, in bytes; 0 for an ended process."""
    folder = Path(f"/proc/{pid}")
    try:
        status = (folder / "status").read_text()
        children = (folder / f"task/{pid}/children").read_text().split()
    except OSError:
        return 0
    own = next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)
    return own + sum(high_water(int(child)) for child in children)


def alternate(programs: Sequence[Program], repeats: int, log: Path) -> dict[str, list[Run]]:
    """Run each program `repeats` times, in turn: A B C, A B C, ..."""
    runs: dict[str, list[Run]] = {program.name: [] for program in programs}
    for turn in range(repeats):
        for program in programs:
            result = run(program, log)
            runs[program.name].append(result)
            figures = f"{result.seconds:.2f} s, {result.peak / 1e6:.0f} MB{', killed' if result.killed else ''}"
            print(f"turn {turn + 1}: {program.name}: {figures}", flush=True)
    return runs


def median(runs: Sequence[Run]) -> Run:
    """Medians of seconds, peak memory and CPU seconds; killed if one run was."""
    return Run(
        statistics.median(r.seconds for r in runs),
        int(statistics.median(r.peak for r in runs)),
        any(r.killed for r in runs),
        statistics.median(r.cpu for r in runs),
    )


def number_of_runs(repeats: int) -> str:
    """What figures are, for the head of a table."""
    return f"medians of {repeats}" if repeats > 1 else "one run"


def machine() -> str:
    """This machine's processor, cores, memory and Python version, for the head of a table."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def processor() -> str:
    """Name of the CPU model."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
