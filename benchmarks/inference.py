"""The inference image's server against the Hugging Face inference toolkit's, and against the forward pass alone.

    python -m benchmarks.inference --data reviews.tsv.gz --model FOLDER --output FOLDER \\
        [--peer-python PYTHON] [--rounds 3] [--seconds 6] [--gpu]

PYTHON is the interpreter of an environment made as benchmarks/peers/toolkit_inference.py says.
Both servers run with their defaults and are asked in turn, round after round; medians of the
rounds. Short reviews are the demo's made-up ones, long ones are those of --data. Writes
inference.md (a table) and inference.svg (throughput against p99) into the output folder.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import gzip
import itertools
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import servers
from benchmarks.load import Answers
from benchmarks.measure import machine
from benchmarks.scatter import Point, scatter
from benchmarks.servers import Server
from contract.files import write_text
from examples.demo.reviews import HEADER as COLUMNS
from examples.demo.reviews import Flaws, lines
from inference.server.mms_address import free_port

ROOT = Path(__file__).parents[1]
TEXT_COLUMN = "review_body"
SHORT, LONG = 512, 128
OURS, PEER = "inference image", "Hugging Face toolkit"


@dataclass(frozen=True)
class Workload:
    """One kind of requests: `texts` short or long reviews each, from `concurrency` clients."""

    length: str
    texts: int
    concurrency: int

    def __str__(self) -> str:
        many = f", {self.texts} a request" if self.texts > 1 else ""
        clients = "client" if self.concurrency == 1 else "clients"
        return f"{self.length} reviews{many}, {self.concurrency} {clients}"


CPU_WORKLOADS = [
    *(Workload("short", 1, concurrency) for concurrency in (1, 8, 32)),
    Workload("long", 1, 8),
    Workload("long", 32, 1),
]
GPU_WORKLOADS = [Workload("short", 1, 1), Workload("short", 1, 64), Workload("long", 1, 64), Workload("long", 32, 64)]


@dataclass(frozen=True)
class Figures:
    """Of one server under one workload: texts a second, waits in ms, ms of processor time a text."""

    rate: float
    p50: float
    p99: float
    cpu: float

    @classmethod
    def median(cls, rounds: Sequence[Figures]) -> Figures:
        columns = zip(*((one.rate, one.p50, one.p99, one.cpu) for one in rounds), strict=True)
        return cls(*(statistics.median(column) for column in columns))


Results = dict[tuple[Workload, str], Figures]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inference")
    parser.add_argument("--data", type=Path, required=True, help="tab-separated and gzipped, with review_body")
    parser.add_argument("--model", type=Path, required=True, help="folder of a text classifier")
    parser.add_argument("--peer-python", help="Python of the toolkit's environment; without it our server is alone")
    parser.add_argument("--output", type=Path, required=True, help="folder for the table and the plot")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6, help="of each workload on each server in a round")
    parser.add_argument("--dtype", default="float32", help="of our server and of the forward pass alone")
    parser.add_argument("--gpu", action="store_true", help="the workloads for a machine with a GPU, up to 64 clients")
    return parser.parse_args()


def texts(data: Path) -> dict[str, list[str]]:
    """The reviews by length: whole made-up ones, and those of `data`."""
    column = COLUMNS.index(TEXT_COLUMN)
    flawless = Flaws(blank=0, duplicate=0, broken=0)
    with gzip.open(data, "rt", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        # A broken line has no text.
        long = list(itertools.islice((row[TEXT_COLUMN] for row in rows if row[TEXT_COLUMN]), LONG))
    short = [line.split("\t")[column] for line in lines(SHORT, random.Random(0), flawless)]
    return {"short": short, "long": long}


def bodies(workload: Workload, found: Sequence[str]) -> str:
    """The requests of `workload`, one JSON body a line; both servers truncate when asked to."""
    parts = [found[start : start + workload.texts] for start in range(0, len(found), workload.texts)]
    inputs = [part if workload.texts > 1 else part[0] for part in parts]
    return "".join(json.dumps({"inputs": one, "parameters": {"truncation": True}}) + "\n" for one in inputs)


@contextlib.contextmanager
def contenders(given: argparse.Namespace, folder: Path) -> Iterator[list[Server]]:
    """Our server and the toolkit's, which starts first: it gives up where it sees another multi-model-server."""
    shutil.copytree(given.model, folder / "ml" / "model")
    environ = {"SAGEMAKER_BASE_DIR": str(folder / "ml"), "PYTHONPATH": str(ROOT)}
    ours = [sys.executable, "-m", "inference", "serve"]
    with contextlib.ExitStack() as stack:
        theirs = [stack.enter_context(toolkit(given.peer_python, folder, environ))] if given.peer_python else []
        own = {**environ, "SERVING_DTYPE": given.dtype}
        yield [stack.enter_context(servers.running(OURS, ours, free_port(), folder / "o", own)), *theirs]


def toolkit(interpreter: str, folder: Path, environ: dict[str, str]) -> AbstractContextManager[Server]:
    """The toolkit's server, which finds multi-model-server and its workers' Python on PATH."""
    path = f"{Path(interpreter).parent}{os.pathsep}{os.environ['PATH']}"
    command = [interpreter, str(ROOT / "benchmarks" / "peers" / "toolkit_inference.py")]
    return servers.running(PEER, command, free_port(), folder / "p", {**environ, "PATH": path})


def ask(server: Server, workload: Workload, requests: Path, seconds: float) -> Figures:
    """One run of the clients against `server`.

    Raises:
        SystemExit: a request failed.
    """
    before = server.cpu_seconds()
    answers = Answers(**python("benchmarks.load", server.port, requests, workload.concurrency, seconds))
    if answers.failures or not answers.requests:
        sys.exit(f"{server.name}: {answers.failures} requests of {workload} failed, {answers.requests} did not")
    count = answers.requests * workload.texts
    cpu = 1000 * (server.cpu_seconds() - before) / count
    return Figures(count / answers.seconds, 1000 * answers.p50, 1000 * answers.p99, cpu)


def python(module: str, *arguments: object) -> Any:
    """What `module`, run as a process, prints as JSON."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    finished = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return json.loads(finished.stdout)


def measured(given: argparse.Namespace, folder: Path) -> tuple[Results, dict[str, float]]:
    """Medians of every workload on both servers, and the forward pass alone by length of text."""
    found = texts(given.data)
    workloads = GPU_WORKLOADS if given.gpu else CPU_WORKLOADS
    requests = {workload: folder / f"{number}.jsonl" for number, workload in enumerate(workloads)}
    for workload, path in requests.items():
        path.write_text(bodies(workload, found[workload.length]), encoding="utf-8")
    for length, each in found.items():
        (folder / f"{length}.txt").write_text("".join(json.dumps(text) + "\n" for text in each), encoding="utf-8")
    rounds: dict[tuple[Workload, str], list[Figures]] = {}
    alone: dict[str, list[float]] = {length: [] for length in found}
    with contenders(given, folder) as found_servers:
        for number in range(given.rounds):
            for workload, path in requests.items():
                for server in found_servers:
                    # What the first requests of a kind set up is not measured.
                    ask(server, workload, path, given.seconds / 10)
                    figures = ask(server, workload, path, given.seconds)
                    rounds.setdefault((workload, server.name), []).append(figures)
                    print(f"round {number + 1}: {workload}: {server.name}: {figures.rate:,.0f} texts/s", flush=True)
            for length, rates in alone.items():
                texts_path = folder / f"{length}.txt"
                rates.append(python("benchmarks.ceiling", given.model, texts_path, given.dtype, given.seconds)["rate"])
    medians = {key: Figures.median(each) for key, each in rounds.items()}
    return medians, {length: statistics.median(rates) for length, rates in alone.items()}


def table(results: Results, ceiling: dict[str, float]) -> str:
    lines = [
        "| requests | server | texts/s | p50 | p99 | CPU a text | times the toolkit | of the forward pass alone |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (workload, name), found in results.items():
        peer, share = results.get((workload, PEER)), found.rate / ceiling[workload.length]
        times = f"{found.rate / peer.rate:.1f}" if peer else ""
        lines.append(
            f"| {workload} | {name} | {found.rate:,.1f} | {found.p50:,.0f} ms | {found.p99:,.0f} ms "
            f"| {found.cpu:,.1f} ms | {times} | {share:.0%} |"
        )
    lines += [
        f"| {length} reviews, no server | forward pass alone | {rate:,.1f} | | | | | |"
        for length, rate in ceiling.items()
    ]
    return "\n".join(lines)


def points(results: Results) -> list[Point]:
    return [Point(name, str(workload), found.rate, found.p99) for (workload, name), found in results.items()]


def main() -> None:
    given = parse()
    given.output.mkdir(parents=True, exist_ok=True)
    # Short: sockets lie below it.
    with tempfile.TemporaryDirectory(prefix="b") as name:
        results, ceiling = measured(given, Path(name))
    head = f"{machine()}; {datetime.now(UTC):%Y-%m-%d}; {given.dtype}, medians of {given.rounds}"
    words = f"{head}\n\n{table(results, ceiling)}\n"
    print(f"\n{words}")
    write_text(given.output / "inference.md", words)
    write_text(given.output / "inference.svg", scatter("Throughput against the 99th percentile", points(results)))


if __name__ == "__main__":
    main()
