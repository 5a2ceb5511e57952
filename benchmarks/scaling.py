"""CPU time and memory of processing on several simulated hosts, for docs/scaling.md.

    python -m benchmarks.scaling --data reviews.tsv.gz --tokenizer FOLDER [--rows 200000] [--hosts 1 2 4 16] \\
        [--inputs "16 files" "one file" "one file, --drop-duplicates"]

The hosts of a job run one after another on this machine, each as a process with a resourceconfig.json of its own and
replicated input. CPU time is that of the process with all its threads, which other programs on the machine change less
than wall clock time. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import Program, Run, machine, run
from benchmarks.processing import enlarge

# Number of files and further options, by the name of an input.
INPUTS: dict[str, tuple[int, Sequence[str]]] = {
    "16 files": (16, ()),
    "one file": (1, ()),
    "one file, --drop-duplicates": (1, ("--drop-duplicates",)),
}


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling")
    parser.add_argument("--data", type=Path, required=True, help="gzip file of tab-separated values with star_rating")
    parser.add_argument("--tokenizer", required=True, help="folder with tokenizer.json")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 2, 4, 16], help="numbers of hosts, 1 first")
    parser.add_argument("--inputs", nargs="+", choices=INPUTS, default=list(INPUTS))
    parser.add_argument("--max-length", type=int, default=128)
    return parser.parse_args()


def split(source: Path, folder: Path, files: int) -> None:
    """Write the rows of the file `source` to `files` files, each with its header."""
    folder.mkdir()
    with source.open(encoding="utf-8") as text:
        header, *lines = text
    for number in range(files):
        part = lines[number * len(lines) // files : (number + 1) * len(lines) // files]
        (folder / f"part-{number:05}.tsv").write_text("".join([header, *part]), encoding="utf-8")


def run_host(base: Path, names: Sequence[str], host: int, arguments: Sequence[str]) -> Run:
    """Run the job of one host; raises SystemExit with the end of its log if it fails."""
    config = base / "config" / "resourceconfig.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps({"current_host": names[host], "hosts": list(names)}))
    command = (sys.executable, "-m", "processing", *arguments)
    environ = {**os.environ, "SAGEMAKER_BASE_DIR": str(base)}
    return run(Program(f"host {host + 1} of {len(names)}", command, environ=environ), base / f"{names[host]}.log")


def table(found: dict[tuple[str, int], list[Run]], rows: int) -> Iterator[str]:
    """The lines of a Markdown table."""
    yield "| input | hosts | CPU s of the busiest host per million rows | of one host | of all hosts | peak memory |"
    yield "|---|---|---|---|---|---|"
    for (name, hosts), used in found.items():
        [one] = found[name, 1]
        busiest, total = max(host.cpu for host in used), sum(host.cpu for host in used)
        shares = f"{busiest / one.cpu:.0%} | {total / one.cpu:.2f}"
        peak = max(host.peak for host in used) / 1e6
        yield f"| {name} | {hosts} | {busiest / rows * 1e6:.0f} | {shares} | {peak:.0f} MB |"


def main() -> None:
    """Run all jobs, and print the table."""
    options = parse()
    found: dict[tuple[str, int], list[Run]] = {}
    with tempfile.TemporaryDirectory(prefix="scaling-") as name:
        rows = Path(name, "reviews.tsv")
        enlarge(options.data, rows, options.rows)
        for kind in options.inputs:
            files, more = INPUTS[kind]
            folder = Path(name, f"{files}-files")
            if not folder.exists():
                split(rows, folder, files)
            length = ("--max-length", str(options.max_length), "--label-threshold", "4", *more)
            inputs = ("--input", str(folder), "--input-distribution", "replicated", "--tokenizer", options.tokenizer)
            for hosts in options.hosts:
                with tempfile.TemporaryDirectory(dir=name) as base:
                    names = [f"algo-{number}" for number in range(1, hosts + 1)]
                    found[kind, hosts] = [
                        run_host(Path(base), names, host, (*inputs, *length)) for host in range(hosts)
                    ]
                print(f"{kind}, {hosts} hosts: {[round(host.cpu, 1) for host in found[kind, hosts]]} CPU s", flush=True)
    print(f"{machine()}; {datetime.now(UTC):%Y-%m-%d}; {options.rows:,} rows, at most {options.max_length} tokens\n")
    print("\n".join(table(found, options.rows)))


if __name__ == "__main__":
    main()
