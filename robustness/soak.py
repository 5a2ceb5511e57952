"""Measures the memory of the inference server under constant load, to find leaks.

    python -m robustness.soak [--minutes 10] [--concurrency 16]

Starts a server with a small model. Prints the memory of its processes by kind (server, workers) while
it runs, and at the end the memory after the warm-up and at the end. Exits with 1 if the sum grew by more
than 5 %, or a request failed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks import servers
from benchmarks.load import LoadResult
from benchmarks.servers import Server
from robustness.served import serving, texts

MIB = 1024 * 1024
# Share of the time for the warm-up, in which libraries are initialized.
WARM_SHARE = 0.3
# Share of the time over which medians are taken, after the warm-up and at the end.
WINDOW_SHARE = 0.15
MOST_GROWTH = 0.05
SAMPLES = 60
KINDS = {"inference.worker": "workers", "inference serve": "server"}

Sample = dict[str, float]


def sample(server: Server) -> Sample:
    """Memory in MiB by kind of process (PSS, which divides shared pages among their processes), and the sum."""
    memory = dict.fromkeys(KINDS.values(), 0.0)
    for pid in servers.members(server.mark):
        try:
            process = psutil.Process(pid)
            command = " ".join(process.cmdline())
            kind = next((kind for word, kind in KINDS.items() if word in command), "server")
            memory[kind] += process.memory_full_info().pss / MIB
        except psutil.Error:
            continue
    return memory | {"sum": sum(memory.values())}


def soak(server: Server, requests: Path, minutes: float, concurrency: int) -> tuple[list[Sample], LoadResult]:
    """Run clients for `minutes`; returns samples of the server's memory, and the clients' result."""
    command = [sys.executable, "-m", "benchmarks.load", str(server.port), str(requests)]
    command += [str(concurrency), str(60 * minutes)]
    samples: list[Sample] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as clients:
        started, interval = time.monotonic(), 60 * minutes / SAMPLES
        while clients.poll() is None:
            time.sleep(interval)
            samples.append(sample(server))
            if len(samples) % 6 == 0:
                print(line(time.monotonic() - started, samples[-1]), flush=True)
        output = clients.stdout.read() if clients.stdout else ""
    if clients.returncode:
        sys.exit("the clients failed")
    return samples, LoadResult(**json.loads(output))


def line(seconds: float, memory: Sample) -> str:
    """One line of the output while it runs."""
    return f"{seconds:8.0f} s" + "".join(f"  {kind} {value:7.1f} MiB" for kind, value in memory.items())


def growth(samples: list[Sample]) -> dict[str, tuple[float, float]]:
    """Median memory in MiB after the warm-up and at the end, by kind of process."""
    window = max(int(len(samples) * WINDOW_SHARE), 1)
    start = int(len(samples) * WARM_SHARE)
    first, last = samples[start : start + window], samples[-window:]
    return {
        kind: (statistics.median(one[kind] for one in first), statistics.median(one[kind] for one in last))
        for kind in samples[0]
    }


def main() -> int:
    """Run server and clients and print the growth; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="duration of the load")
    parser.add_argument("--concurrency", type=int, default=16, help="number of concurrent clients")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="s", dir="/tmp") as name, serving(Path(name)) as server:
        requests = Path(name) / "requests"
        requests.write_text("".join(json.dumps({"inputs": text}) + "\n" for text in texts(1_000)))
        samples, load = soak(server, requests, options.minutes, options.concurrency)
    grown = growth(samples)
    print(f"{'':<10}{'warm MiB':>10}{'end MiB':>10}{'growth':>9}")
    for kind, (before, after) in grown.items():
        print(f"{kind:<10}{before:>10.1f}{after:>10.1f}{after / max(before, 1) - 1:>9.1%}")
    print(f"{load.requests} requests, {load.failures} failed, p99 {1000 * load.p99:.0f} ms")
    before, after = grown["sum"]
    return 1 if after > before * (1 + MOST_GROWTH) or load.failures else 0


if __name__ == "__main__":
    sys.exit(main())
